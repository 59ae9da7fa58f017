package cache

import (
	"context"
	"fmt"
	"time"
)

// storeTimeout bounds writing what a detached loader has made.
const storeTimeout = 5 * time.Second

// request is one GetOrSet on its way.
type request[T any] struct {
	c    *Cache
	key  string
	base string
	load func(context.Context) (T, error)
	o    callOptions
	t    ticket
}

// GetOrSet returns the value of key, and where there is none runs load, stores
// what it returns and returns that.
//
// Concurrent callers in this process run load once; each waits no longer than
// its own context. The loader goes on when its caller leaves, for at most
// Config.LoadTimeout. Its error reaches all who wait, and nothing is stored;
// a panic reaches them as *[PanicError].
//
// The loader runs in a [Scope] of its own, inside the caller's: tags, expiry,
// variants and privacy of what it reads belong to the value, and are said to
// the caller's scope on every hit. A value whose loader read something private
// is not stored and not shared, unless [PerUser] is given.
func (t Typed[T]) GetOrSet(ctx context.Context, key string, load func(ctx context.Context) (T, error), opts ...Option) (T, error) {
	var zero T
	o, err := t.options(opts)
	if err != nil {
		return zero, err
	}
	r := &request[T]{c: t.Cache, key: key, base: t.valueBase(o.version, key), load: load, o: o}
	ended := r.c.flights.ended()
	v, state, err := r.look(ctx)
	if err != nil {
		return zero, err
	}
	switch state {
	case isFresh:
		return v, nil
	case isStale:
		r.refresh(ctx)
		return v, nil
	}
	return r.join(ctx, ended)
}

type freshness uint8

const (
	isMissing freshness = iota
	isFresh
	isStale
)

// look reads the store. A failure that the policy hides is a miss.
func (r *request[T]) look(ctx context.Context) (v T, state freshness, err error) {
	said := r.c.tags.said.Load()
	defer func() { r.t.said, r.t.fallback = said, degraded(r.c.cfg.Store) }()
	if held, stale := r.c.nearValue(ctx, r.o.version, r.key); held != nil && !stale {
		if r.c.decode(ctx, &held.s, &v) {
			r.c.nearHit(ctx, held, r.key)
			return v, isFresh, nil
		}
		v = *new(T)
	}
	t, found, err := r.c.lookup(ctx, r.o.version, r.key)
	if err != nil {
		r.c.hit(false)
		return v, isMissing, r.c.verdict(ctx, "get or set", err)
	}
	r.t = t
	s := found[0]
	if s == nil || (s.stale && r.o.stale == 0) || !r.c.decode(ctx, s, &v) {
		r.c.hit(false)
		var zero T
		return zero, isMissing, nil
	}
	r.c.hitOf(r.key)
	r.c.note(ctx, s)
	if s.stale {
		r.c.count.stale.Add(1)
		return v, isStale, nil
	}
	return v, isFresh, nil
}

// refresh loads in the background, unless somebody does already.
func (r *request[T]) refresh(ctx context.Context) {
	fl, leads := r.c.flights.join(r.base, r.t)
	if !leads {
		return
	}
	// The scope of the page that shows the stale value must not hear of
	// what the next value depends on: it does not show it.
	ctx = WithScope(ctx, nil)
	if !r.c.start(func() { r.lead(ctx, fl, nil, false) }) {
		r.c.flights.land(fl)
	}
}

// join leads a flight or waits for one.
func (r *request[T]) join(ctx context.Context, ended uint64) (T, error) {
	var zero T
	const handOvers = 2
	for range handOvers + 1 {
		fl, leads := r.c.flights.join(r.base, r.t)
		if leads {
			if r.c.flights.ended() != ended {
				if v, state, err := r.look(ctx); err != nil || state == isFresh {
					fl.err, fl.found = err, state == isFresh
					r.c.flights.land(fl)
					return v, err
				}
			}
			return r.fly(ctx, fl)
		}
		later := time.Since(fl.begun)
		if _, err := r.c.enterLoad(ctx, r.base, r.key); err != nil {
			return zero, err
		}
		r.c.count.coalesced.Add(1)
		select {
		case <-fl.done:
		case <-ctx.Done():
			return zero, r.gaveUp(ctx)
		}
		if fl.err != nil {
			return zero, fl.err
		}
		if fl.found { // by the leader in the store, and so by us
			if v, state, err := r.look(ctx); err != nil || state == isFresh {
				return v, err
			}
			continue
		}
		if r.suits(ctx, fl, later) {
			var v T
			ScopeOf(ctx).Merge(fl.deps)
			return v, r.c.decodePlain(fl, r.key, &v)
		}
		if fl.deps.Private != "" {
			break // everybody has his own: queueing up would help nobody
		}
	}
	return r.fly(ctx, r.c.flights.alone(r.base))
}

// suits reports whether what another caller's loader made is for this one too.
// If something was purged between the leader's look at the store and ours, what
// it read may be older than a purge that we have to honour.
func (r *request[T]) suits(ctx context.Context, fl *flight, later time.Duration) bool {
	if !fl.share || !matches(ctx, fl.deps.Vary) {
		return false
	}
	if r.t.shares(fl.seen, later) {
		return true
	}
	ok, err := r.c.tags.current(ctx, fl.deps.Tags)
	return ok && err == nil
}

// fly runs the loader and waits for it, or for another server whose loader runs.
// The value comes back through a variable of its own: the loader may still be
// running when the caller gives up.
func (r *request[T]) fly(ctx context.Context, fl *flight) (T, error) {
	var zero T
	out := new(T)
	if !r.c.start(func() { r.lead(ctx, fl, out, true) }) {
		r.c.flights.land(fl)
		return zero, r.c.open()
	}
	select {
	case <-fl.done:
		if fl.found {
			v, state, err := r.look(ctx)
			if err != nil || state == isFresh {
				return v, err
			}
			// It went as soon as it had come.
			again := r.c.flights.alone(r.base)
			again.solo = true
			return r.fly(ctx, again)
		}
		ScopeOf(ctx).Merge(fl.deps)
		return *out, fl.err
	case <-ctx.Done():
		return zero, r.gaveUp(ctx)
	}
}

func (r *request[T]) gaveUp(ctx context.Context) error {
	return fmt.Errorf("cache: waiting for the loader of %q: %w", r.key, ctx.Err())
}

// lead runs the loader, stores the value and ends the flight. out, if not nil,
// gets the value itself. Where another server runs its loader for the same key,
// it waits for what that one stores; without wait it leaves it at that.
func (r *request[T]) lead(ctx context.Context, fl *flight, out *T, wait bool) {
	defer r.c.flights.land(fl)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.c.cfg.LoadTimeout)
	defer cancel()
	stop := context.AfterFunc(r.c.life, cancel)
	defer stop()
	if ctx, fl.err = r.c.enterLoad(ctx, r.base, r.key); fl.err != nil {
		return
	}
	var lease *Lease
	if !fl.solo {
		var ok bool
		if lease, fl.found, ok = r.c.lead(ctx, &r.c.values, r.base, wait, r.filled); fl.found || !ok {
			return
		}
	}
	defer func() { lease.Done(ctx, fl.outcome) }()
	ctx, scope := begin(ctx, r.t)
	scope.Tag(r.o.tags...)
	var v T
	began := time.Now()
	fl.err = guard(r.key, func() (err error) {
		v, err = r.load(ctx)
		return err
	})
	r.c.ranks.Took(r.key, time.Since(began))
	if fl.err != nil {
		fl.deps = scope.Deps()
		return
	}
	if out != nil {
		*out = v
	}
	r.finish(ctx, fl, scope, v)
}

// filled looks whether another server has stored the value meanwhile. If not,
// what this one stores is judged from this look on.
func (r *request[T]) filled(ctx context.Context) bool {
	_, state, err := r.look(WithScope(ctx, nil))
	return err == nil && state == isFresh
}

// finish decides what becomes of a loaded value.
func (r *request[T]) finish(ctx context.Context, fl *flight, scope *Scope, v T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	deps := scope.Deps()
	o := r.o
	o.ttl = min(o.ttl, remaining(r.c.cfg.Now(), deps.Expires))
	reason := scope.Refused()
	if reason == "" && r.c.flights.outdated(fl) {
		reason = "written or deleted meanwhile"
	}
	private := deps.Private != "" && !o.perUser
	if reason == "" && !private {
		var err error
		if deps.Tags, reason, err = r.c.tags.resolve(ctx, deps.Tags, r.t.seq, ttlOf(&o)); err != nil {
			reason = "store failed"
			r.c.logFailure(ctx, "tags", err)
			r.c.count.errors.Add(1)
			deps.Tags = scope.Deps().Tags
		}
	}
	fl.deps = deps
	if o.hasTTL {
		fl.deps.Expires = earlier(deps.Expires, expiryAt(r.c.cfg.Now(), max(o.ttl, 0)))
	}
	fl.codec, fl.plain, fl.err = r.c.marshal(r.key, v)
	if fl.err != nil {
		return
	}
	fl.share = reason == "" && !private
	if !fl.share {
		r.c.count.refused.Add(1)
		if private {
			fl.outcome = FillAlone
		}
		return
	}
	r.store(ctx, fl, deps, v, &o)
}

// store writes what may be stored. A failure is the store's, not the caller's:
// he has his value.
func (r *request[T]) store(ctx context.Context, fl *flight, deps Deps, v T, o *callOptions) {
	if o.ttl <= 0 || r.t.generation == "" {
		fl.outcome = FillAlone // nobody will find it
		return
	}
	raw, counter := counterDigits(v)
	if !counter || !deps.IsZero() || o.hasTTL || o.stale > 0 {
		var err error
		if raw, err = r.c.seal(fl.codec, r.c.fullKey(o.version, r.key), r.key, fl.plain, deps, o); err != nil {
			fl.err = err
			return
		}
	}
	if r.c.flights.outdated(fl) {
		return
	}
	r.c.count.sets.Add(1)
	if _, err := r.c.store.Set(filling(ctx), inGeneration(r.base, r.t.generation), raw, ttlOf(o), Always); err != nil {
		if err = r.c.verdict(ctx, "get or set", err); err != nil {
			r.c.logFailure(ctx, "get or set", err)
		}
		return
	}
	fl.outcome = FillStored
}

// marshal encodes a value before it is framed.
func (c *Cache) marshal(key string, v any) (codec byte, plain []byte, err error) {
	use := c.codecOf(v)
	if plain, err = use.Marshal(v); err != nil {
		return 0, nil, fmt.Errorf("cache: value of %q: %T cannot be encoded: %w", key, v, err)
	}
	return use.ID(), plain, nil
}

// decodePlain gives a waiter a copy of its own.
func (c *Cache) decodePlain(fl *flight, key string, dst any) error {
	codec, err := c.codecFor(fl.codec)
	if err != nil {
		return err
	}
	if err = codec.Unmarshal(fl.plain, dst); err != nil {
		return fmt.Errorf("cache: value of %q does not fit into %T: are two types stored under one key? %w", key, dst, err)
	}
	return nil
}
