package cache

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Records keeps structured things, such as pages and fragments, under hashed
// keys. In a store inside the process they are kept decoded and shared, in the
// others encoded in an envelope, with their [Deps]. It is safe for concurrent
// use; make one with [NewRecords].
type Records[T any] struct {
	c       *Cache
	cfg     RecordsConfig[T]
	objects ObjectStore // nil for stores outside the process
}

// RecordsConfig says what kind of records they are.
type RecordsConfig[T any] struct {
	// Kind is the letter in the key: 'p' for pages, 'f' for fragments.
	Kind byte
	// Encode and Decode turn a record into bytes and back. Decode must not
	// keep the bytes unless it treats them as read-only, and takes any
	// input without panicking.
	Encode func(T) ([]byte, error)
	Decode func([]byte) (T, error)
	// Size is the weight in bytes of a record in memory.
	Size func(T) int
	// Stale lets Get find records of which a tag was purged softly, and say so.
	Stale bool
}

// Record is a stored thing. Value is shared: it must not be modified. After a
// miss only its unexported part is of use, for [Records.Open].
type Record[T any] struct {
	Value   T
	Deps    Deps
	Created time.Time
	Expires time.Time // zero is never
	// Unverified says that the store is away, and that what this process held
	// of it is served although changes by others may have been missed: it is
	// stale (RFC 9111, section 4.2.4).
	Unverified bool
	// Soft says that one of its tags was purged softly since: where the kind of
	// record may be served stale, it may be while it is made anew. Other kinds
	// are not found then.
	Soft bool
	// Near says that it was held in this process: no store was asked.
	Near bool

	ticket ticket
}

// Shares reports whether what was made after the lookup of a leader is also for who
// has looked up r, and came so much later. It is not if something was purged in
// between. A lookup that the store did not answer cannot tell, and what this
// process knows decides, for a second.
func (r Record[T]) Shares(leader Moment, later time.Duration) bool {
	return r.ticket.shares(leader.ticket, later)
}

// Moment is when something was looked up, as far as purges tell.
type Moment struct{ ticket ticket }

// Moment returns that of the lookup.
func (r Record[T]) Moment() Moment { return Moment{r.ticket} }

// Away reports whether the lookup missed because the store did not answer, also
// where the policy hides that.
func (r Record[T]) Away() bool { return r.ticket.generation == "" }

// Spared reports whether the lookup missed in a fallback: the store may have what it
// did not find.
func (r Record[T]) Spared() bool { return r.ticket.fallback }

// object is a record in a store inside the process.
type object[T any] struct {
	framed  string
	value   T
	deps    Deps
	created time.Time
	expires time.Time
	checked atomic.Uint64 // the epoch in which the tags were last known valid; in the near tier plus one
}

// NewRecords makes a view of c.
func NewRecords[T any](c *Cache, cfg RecordsConfig[T]) (*Records[T], error) {
	switch {
	case c == nil:
		return nil, errors.New("cache: NewRecords: the cache is nil")
	case cfg.Kind != 'p' && cfg.Kind != 'f':
		return nil, fmt.Errorf("cache: NewRecords: kind %q: use 'p' or 'f'", cfg.Kind)
	case cfg.Encode == nil, cfg.Decode == nil, cfg.Size == nil:
		return nil, errors.New("cache: NewRecords: Encode, Decode and Size are required")
	}
	r := &Records[T]{c: c, cfg: cfg}
	r.objects, _ = c.store.(ObjectStore)
	return r, nil
}

// Get returns the record of key. It does not speak to the open scope: the
// caller merges Deps where the record is used. After an error, and after a
// miss, the caller makes the thing in the scope that [Records.Open] gives.
func (r *Records[T]) Get(ctx context.Context, key Key) (rec Record[T], found bool, err error) {
	if err = r.c.open(); err != nil {
		return rec, false, err
	}
	said := r.c.tags.said.Load()
	defer func() { rec.ticket.said, rec.ticket.fallback = said, degraded(r.c.cfg.Store) }()
	switch {
	case r.objects != nil:
		rec, found, err = r.getObject(ctx, key)
	default:
		if rec, found = r.getNear(ctx, key); !found {
			rec, found, err = r.getBytes(ctx, key.base(r.c.cfg.Prefix, r.cfg.Kind), key)
		}
	}
	if found && !matches(ctx, rec.Deps.Vary) {
		found = false
	}
	r.c.hit(found)
	return rec, found, r.c.verdict(ctx, "get record", err)
}

// Held is Get that asks nothing outside the process. A miss says only that this
// process does not hold the record; Get is to be asked next, and counts.
func (r *Records[T]) Held(ctx context.Context, key Key) (rec Record[T], found bool) {
	if r.objects != nil || r.c.near == nil || r.c.life.Err() != nil {
		return rec, false
	}
	if rec, found = r.getNear(ctx, key); found && !matches(ctx, rec.Deps.Vary) {
		return Record[T]{}, false
	}
	if found {
		r.c.hit(true)
	}
	return rec, found
}

func (r *Records[T]) getObject(ctx context.Context, key Key) (rec Record[T], found bool, err error) {
	rec.ticket.generation, err = r.c.records.local(ctx)
	if err == nil && rec.ticket.generation != "" {
		v, there := r.objects.Object(key.physical(r.c.cfg.Prefix, r.cfg.Kind, rec.ticket.generation))
		if o, fits := v.(*object[T]); there && fits && o.framed == key.framed {
			var how standing
			if how, err = r.standing(ctx, o); r.serves(how) {
				rec.Value, rec.Deps, rec.Created, rec.Expires, rec.Soft = o.value, o.deps, o.created, o.expires, how == isSoft
				return rec, true, nil
			}
		}
	}
	if err == nil {
		rec.ticket, err = r.c.nowIn(ctx, &r.c.records)
	}
	return rec, false, err
}

// getNear returns what the near tier holds for key.
func (r *Records[T]) getNear(ctx context.Context, key Key) (rec Record[T], found bool) {
	verified, usable := r.c.nearUsable()
	if !usable {
		return rec, false
	}
	generation, ok := r.c.seenGeneration(&r.c.records)
	if !ok {
		return rec, false
	}
	v, _ := r.c.near.Get(key.physical(r.c.cfg.Prefix, r.cfg.Kind, generation))
	o, fits := v.(*object[T])
	if !fits || o.framed != key.framed || !o.expires.IsZero() && !r.c.cfg.Now().Before(o.expires) {
		return rec, false
	}
	how := r.c.nearStanding(ctx, o.deps.Tags, &o.checked)
	if !r.serves(how) {
		return rec, false
	}
	return Record[T]{
		Value: o.value, Deps: o.deps, Created: o.created, Expires: o.expires, Unverified: !verified, Soft: how == isSoft, Near: true,
	}, true
}

// serves reports whether what has that standing is found.
func (r *Records[T]) serves(s standing) bool { return s == isCurrent || s == isSoft && r.cfg.Stale }

// standing checks the tags of an object. While nothing is purged that is one load.
func (r *Records[T]) standing(ctx context.Context, o *object[T]) (standing, error) {
	if len(o.deps.Tags) == 0 {
		return isCurrent, nil
	}
	if r.c.tags.epoch == nil { // tags live outside the process
		return r.c.tags.standing(ctx, o.deps.Tags)
	}
	epoch := r.c.tags.epoch.Now()
	if o.checked.Load() == epoch {
		return isCurrent, nil
	}
	how, err := r.c.tags.standing(ctx, o.deps.Tags)
	if how == isCurrent && err == nil {
		o.checked.Store(epoch)
	}
	return how, err
}

func (r *Records[T]) getBytes(ctx context.Context, base string, key Key) (rec Record[T], found bool, err error) {
	got, err := r.c.read(ctx, &r.c.records, base)
	rec.ticket = got.ticket
	if err != nil || got.raws[0] == nil {
		return rec, false, err
	}
	env, ok := r.unframe(ctx, got, 0, base, key)
	if !ok {
		return rec, false, nil
	}
	how, err := r.c.tags.standing(ctx, env.deps.Tags)
	if err != nil || !r.serves(how) {
		return rec, false, err
	}
	if rec.Soft = how == isSoft; rec.Soft {
		got.near = nil // its tags are looked at again every time
	}
	found = r.decode(ctx, got, 0, base, key, env, &rec)
	return rec, found, nil
}

// unframe opens the n-th envelope of a read; what is none is removed.
func (r *Records[T]) unframe(ctx context.Context, got reading, n int, base string, key Key) (envelope, bool) {
	env, err := decodeEnvelope(got.raws[n])
	if err != nil || env.key != key.framed {
		r.c.discard(ctx, got.ticket, base, got.raws[n])
		return env, false
	}
	return env, true
}

// decode makes the record of an envelope whose tags are current, and holds it in
// the near tier, where there is one.
func (r *Records[T]) decode(ctx context.Context, got reading, n int, base string, key Key, env envelope, rec *Record[T]) bool {
	plain, err := r.expand(&env)
	if err == nil {
		rec.Value, err = r.cfg.Decode(plain)
	}
	if err != nil {
		r.c.discard(ctx, got.ticket, base, got.raws[n])
		*rec = Record[T]{ticket: got.ticket}
		return false
	}
	rec.Deps, rec.Created, rec.Expires = env.allDeps(), env.created, env.expires
	r.hold(got.near, n, *rec, key, len(plain))
	return true
}

// hold keeps a record that the store had in the near tier, where there is one.
// Its tags were current after the epoch of the read.
func (r *Records[T]) hold(n *nearRead, i int, rec Record[T], key Key, plain int) {
	if n == nil {
		return
	}
	o := &object[T]{framed: key.framed, value: rec.Value, deps: rec.Deps, created: rec.Created, expires: rec.Expires}
	o.checked.Store(n.epoch + 1)
	size := max(r.cfg.Size(rec.Value), plain) + len(key.framed) + objectOverhead(rec.Deps)
	n.hold(i, o, size, remaining(r.c.cfg.Now(), rec.Expires))
}

func (r *Records[T]) expand(env *envelope) ([]byte, error) {
	if env.rawLen > r.c.cfg.MaxValueBytes {
		return nil, errEnvelope
	}
	compressor, err := compressorFor(env.compressor)
	if err != nil {
		return nil, err
	}
	return compressor.expand(env.payload, env.rawLen)
}

// Why [Records.Put] did not store, where callers branch on it. The first means
// that what was made may be out of date already; after the other two it is as
// good as if it had been stored.
const (
	RefusedPurged    = "tag purged meanwhile"
	RefusedStoreAway = "store unavailable"
	RefusedTooLarge  = "larger than the store takes"
)

// Open opens the scope in which the thing that Get did not find is made.
func (r *Records[T]) Open(ctx context.Context, missed Record[T]) (context.Context, *Scope) {
	return begin(ctx, missed.ticket)
}

// Put stores what was made in the scope, for ttl at most: an earlier end that
// the scope asks for counts. A reason says why it was not stored: it is
// private, one of its tags was purged meanwhile, and so on. deps are the
// scope's, with the tokens of its tags where they are known.
func (r *Records[T]) Put(ctx context.Context, key Key, v T, scope *Scope, ttl time.Duration) (deps Deps, reason string, err error) {
	deps = scope.Deps()
	if err = r.c.open(); err != nil {
		return deps, "closed", err
	}
	now := r.c.cfg.Now()
	ttl = min(ttl, remaining(now, deps.Expires))
	switch refused := scope.Refused(); {
	case refused != "":
		reason = refused
	case deps.Private != "":
		reason = "private: " + deps.Private
	case ttl <= 0:
		reason = "no time to live"
	case scope.generation == "":
		reason = RefusedStoreAway
	}
	if reason != "" {
		r.c.count.refused.Add(1)
		return deps, reason, nil
	}
	epoch := r.epoch() // before the tokens are read
	tags, reason, err := r.c.tags.resolve(ctx, deps.Tags, scope.sequence(), ttl)
	if err != nil || reason != "" {
		r.c.count.refused.Add(1)
		if err != nil {
			reason = RefusedStoreAway
		}
		return deps, reason, r.c.verdict(ctx, "put record", err)
	}
	deps.Tags = tags
	stored, err := r.store(ctx, key, v, deps, scope.generation, now, ttl, epoch)
	switch {
	case err != nil:
		reason = RefusedStoreAway
	case !stored:
		reason = RefusedTooLarge
	}
	r.c.count.sets.Add(1)
	return deps, reason, r.c.verdict(ctx, "put record", err)
}

func (r *Records[T]) epoch() uint64 {
	if r.c.tags.epoch == nil {
		return 0
	}
	return r.c.tags.epoch.Now()
}

func (r *Records[T]) store(ctx context.Context, key Key, v T, deps Deps, generation string, now time.Time, ttl time.Duration, epoch uint64) (bool, error) {
	physical := key.physical(r.c.cfg.Prefix, r.cfg.Kind, generation)
	if r.objects != nil {
		o := &object[T]{framed: key.framed, value: v, deps: deps, created: now, expires: expiryAt(now, ttl)}
		o.checked.Store(epoch)
		return r.objects.SetObject(physical, o, r.cfg.Size(v)+len(key.framed)+objectOverhead(deps), ttl), nil
	}
	plain, err := r.cfg.Encode(v)
	if err != nil {
		return false, fmt.Errorf("cache: record cannot be encoded: %w", err)
	}
	o := callOptions{ttl: ttl}
	raw, err := r.c.seal(Raw.ID(), key.framed, physical, plain, deps, &o)
	if errors.Is(err, ErrTooLarge) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return r.c.store.Set(filling(ctx), physical, raw, ttl, Always)
}

// objectOverhead is about what an object weighs besides its value.
func objectOverhead(deps Deps) int {
	size := 256
	for _, t := range deps.Tags {
		size += len(t.Name) + 32
	}
	for _, p := range deps.Vary {
		size += len(p.Name) + len(p.Value) + 40
	}
	return size
}

// Delete removes the record of key and reports whether there was one.
func (r *Records[T]) Delete(ctx context.Context, key Key) (bool, error) {
	if err := r.c.open(); err != nil {
		return false, err
	}
	t, err := r.c.nowIn(ctx, &r.c.records)
	if err != nil {
		return false, r.c.verdict(ctx, "delete record", err)
	}
	n, err := r.c.store.Delete(ctx, key.physical(r.c.cfg.Prefix, r.cfg.Kind, t.generation))
	return n > 0, r.c.verdict(ctx, "delete record", err)
}
