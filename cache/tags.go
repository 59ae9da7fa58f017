package cache

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// Tags is a domain of tags: the caches of one site share one, so that purging
// a tag removes values, fragments and pages alike.
//
// Every tag has a token in the store, a random number with the sequence number
// of the purge that made it. An entry carries the tokens under which it was
// made, and is valid while they are current, so a purge costs the same whether
// one entry carries the tag or a million. A token that is missing is never
// valid. A sequence of purges tells fills that began before a purge from those
// that began after it.
//
// Tags is safe for concurrent use.
type Tags struct {
	store   Store // behind the near tier, if there is one
	shared  Store // as it was given
	near    Near  // or nil
	journal journaling
	owed    owed
	prefix  string
	seqName string
	now     func() time.Time
	log     *slog.Logger
	epoch   *Epoch        // nil where others can purge behind this process' back
	said    atomic.Uint64 // invalidations that this process has said or heard of
}

// TagsConfig is what a [Tags] is made of.
type TagsConfig struct {
	// Store keeps the tokens. It needs Counter and Swapper. Required.
	Store Store
	// Prefix as in Config. Defaults to "echoic".
	Prefix string
	// Near holds tokens in this process. It must hear of changes of Store by
	// others, and is Config.Near of the caches that use the tags. Defaults to
	// none.
	Near Near
	// Journal is what a purge is written to before it is acknowledged.
	// Defaults to none: a store that loses data, or cannot be reached, then
	// loses purges.
	Journal Journal
	// JournalLast writes the journal after the store instead of before it: for
	// a store in the same database, which loses nothing that the journal would
	// keep, and whose changes other servers hear of by the journal alone.
	JournalLast bool
	// Logger gets purges that could only be done by deleting tokens.
	// Defaults to discarding.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// tokenTTL is how long a token that no fill extends stays. An entry outlives
// its token only as a miss.
const tokenTTL = 30 * 24 * time.Hour

// NewTags makes a domain.
func NewTags(cfg TagsConfig) (*Tags, error) {
	setDefault(&cfg.Prefix, defaultPrefix)
	if cfg.Store == nil {
		return nil, errors.New("cache: TagsConfig.Store is nil: set the store that keeps the tokens")
	}
	if err := checkPrefix(cfg.Prefix); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	store, err := behindNear(cfg.Store, cfg.Near, cfg.Prefix)
	if err != nil {
		return nil, err
	}
	t := &Tags{
		store: store, shared: cfg.Store, near: cfg.Near, prefix: cfg.Prefix, seqName: sequenceKey(cfg.Prefix), now: cfg.Now, log: cfg.Logger,
		journal: journaling{journal: cfg.Journal, last: cfg.JournalLast, log: cfg.Logger},
	}
	if local, ok := cfg.Store.(ObjectStore); ok {
		t.epoch = local.PurgeEpoch()
	}
	return t, nil
}

func (t *Tags) key(tag string) string { return t.prefix + ":t:" + hash([]byte(tag)) }
func (t *Tags) seqKey() string        { return t.seqName }

// Purge makes everything that carries one of the tags miss from now on, also
// what is being made right now from older data. It returns when the journal and
// the store have it; with a journal, a store that is away is told when it is
// back, and the purge is acknowledged all the same. No tags is fine; the same tag
// twice counts once.
func (t *Tags) Purge(ctx context.Context, tags ...string) error {
	tags = distinct(tags)
	if len(tags) == 0 {
		return nil
	}
	list := make([]Invalidation, len(tags))
	for i, tag := range tags {
		list[i] = Invalidation{Kind: InvalidTag, Name: tag}
	}
	defer t.advance()
	return t.journal.write(ctx, list, func(ctx context.Context) error { return t.renewAll(ctx, tags) },
		func(what debt) error { return t.owe(tags, what) })
}

// nextSequence counts a purge. Where the counter is lost it starts again from
// the clock, in microseconds, so that it never runs through old numbers.
func (t *Tags) nextSequence(ctx context.Context) (uint64, error) {
	counter, ok := t.store.(Counter)
	if !ok {
		return 0, fmt.Errorf("cache: tags: %w: the store has no counters", ErrUnsupported)
	}
	n, err := counter.Incr(ctx, t.seqKey(), 1, &Initial{Value: t.now().UnixMicro(), TTL: Forever})
	return uint64(n), err
}

// sequence returns the number of the last purge.
func (t *Tags) sequence(ctx context.Context) (uint64, error) {
	raw, found, err := t.store.Get(ctx, t.seqKey())
	if err != nil {
		return 0, err
	}
	if found {
		return parseSequence(raw), nil
	}
	start := strconv.FormatInt(t.now().UnixMicro(), 10)
	if _, err = t.store.Set(ctx, t.seqKey(), []byte(start), Forever, IfAbsent); err != nil {
		return 0, err
	}
	raw, _, err = t.store.Get(ctx, t.seqKey())
	return parseSequence(raw), err
}

// parseSequence reads the counter; zero, which nothing may be stored under,
// stands for what is no number.
func parseSequence(raw []byte) uint64 {
	var n uint64
	for _, c := range raw {
		if c < '0' || c > '9' || n > (math.MaxInt64-uint64(c-'0'))/10 {
			return 0
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

// advance tells this process that tokens have to be looked at again.
func (t *Tags) advance() {
	t.said.Add(1)
	if t.epoch != nil {
		t.epoch.Advance()
	}
}

// current reports whether no tag was purged since the tokens were taken, softly or
// for good.
func (t *Tags) current(ctx context.Context, tags []TagToken) (bool, error) {
	how, err := t.standing(ctx, tags)
	return how == isCurrent && err == nil, err
}

// standingNear is standing for something that the near tier holds. While others'
// changes do not arrive, or the shared store is away, only tokens that the near
// tier holds too can vouch for it.
func (t *Tags) standingNear(ctx context.Context, tags []TagToken) (standing, error) {
	how := isCurrent
	for _, tag := range tags {
		v, _ := t.near.Get(t.key(tag.Name))
		token, ok := v.(Token)
		switch {
		case !ok && t.near.Verified() && !degraded(t.shared):
			return t.standing(ctx, tags)
		case !ok, tag.Token.IsZero():
			return isPurged, nil
		case token == tag.Token:
		case token.softOf(tag.Token):
			how = isSoft
		case token.Seq < tag.Token.Seq && t.near.Verified() && !degraded(t.shared):
			return t.standing(ctx, tags)
		default:
			return isPurged, nil
		}
	}
	// After the look: a purge that is owed has dropped the tokens since.
	if len(t.owed.due(tags, toShared)) > 0 {
		return isPurged, nil
	}
	return how, nil
}

// tokens returns the present token of each tag, zero for one that has none: from
// the near tier, and the rest from the store in one round trip.
func (t *Tags) tokens(ctx context.Context, tags []TagToken) ([]Token, error) {
	tokens := make([]Token, len(tags))
	missing, keys := make([]int, 0, len(tags)), make([]string, 0, len(tags))
	owed := len(t.owed.due(tags, t.creditor())) > 0
	near := t.near != nil && t.near.Verified() && !degraded(t.shared) && !owed
	for i, tag := range tags {
		key := t.key(tag.Name)
		if near {
			v, _ := t.near.Get(key)
			// What carries a later one has seen what this process has not heard of.
			if token, ok := v.(Token); ok && token.Seq >= tag.Token.Seq {
				tokens[i] = token
				continue
			}
		}
		missing, keys = append(missing, i), append(keys, key)
	}
	if len(keys) == 0 {
		return tokens, nil
	}
	var n *nearRead
	if near {
		ctx, n = newNearRead(ctx, t.near, keys)
	}
	// After the stamps: what is read before a debt is known is not held.
	if err := t.settle(ctx, tags); err != nil {
		return nil, err
	}
	raws, err := getMany(ctx, t.store, keys)
	if err != nil {
		return nil, err
	}
	for k, i := range missing {
		if tokens[i] = decodeToken(raws[k]); !tokens[i].IsZero() {
			n.hold(k, tokens[i], controlSize, Forever)
		}
	}
	return tokens, nil
}

// resolve fills in the tokens of tags that something made since sequence seq
// carries, for at least ttl. A reason means that it must not be stored: one of
// the tags was purged meanwhile, or may have been.
func (t *Tags) resolve(ctx context.Context, tags []TagToken, seq uint64, ttl time.Duration) (_ []TagToken, reason string, err error) {
	if len(tags) == 0 {
		return nil, "", nil
	}
	if seq == 0 {
		return nil, "purge sequence unknown", nil
	}
	tokens, err := t.tokens(ctx, tags)
	if err != nil {
		return nil, "", err
	}
	out := slices.Clone(tags)
	for i := range out {
		if tokens[i].IsZero() && out[i].Token.IsZero() {
			if tokens[i], err = t.create(ctx, out[i].Name); err != nil {
				return nil, "", err
			}
		}
		switch {
		case tokens[i].IsZero(), !out[i].Token.IsZero() && out[i].Token != tokens[i], tokens[i].Seq > seq:
			if t.near != nil { // the number may be older than the store's: next time that is asked
				t.near.Forget(t.seqName)
			}
			return nil, RefusedPurged, nil
		}
		out[i].Token = tokens[i]
	}
	t.extend(ctx, out, ttl)
	return out, "", nil
}

// create makes the token of a tag that has none: because it is new, or because
// it was lost. Its number is the present one, so that what began before the
// last purge is not stored under it.
func (t *Tags) create(ctx context.Context, tag string) (Token, error) {
	ctx, witness := WithWitness(ctx)
	seq, err := t.sequence(ctx)
	if err != nil {
		return Token{}, err
	}
	key := t.key(tag)
	if _, err = t.add(ctx, witness, key, newToken(seq)); err != nil {
		return Token{}, err
	}
	raw, _, err := t.store.Get(ctx, key)
	return decodeToken(raw), err
}

// addControl keeps a control value where none is. If that is on a fallback, the
// near tier goes on with what it held of the shared store: that is what its pages
// were made under.
func addControl(ctx context.Context, shared Store, near Near, key string, value []byte, ttl time.Duration) (bool, error) {
	ctx, witness := WithWitness(ctx)
	added, err := shared.Set(ctx, key, value, ttl, IfAbsent)
	if near != nil && !witness.Fallback() {
		near.Forget(key)
	}
	return added, err
}

// extend lets tokens live as long as an entry that would outlive them. Failing
// only costs a miss later.
func (t *Tags) extend(ctx context.Context, tags []TagToken, ttl time.Duration) {
	expirer, ok := t.shared.(Expirer) // the value stays: the near tier need not know
	if !ok || ttl <= tokenTTL/2 {
		return
	}
	if ttl < Forever-tokenTTL {
		ttl += tokenTTL
	}
	for _, tag := range tags {
		if _, err := expirer.Touch(ctx, t.key(tag.Name), ttl); err != nil {
			t.log.WarnContext(ctx, "cache: tag token not extended", "error", err)
			return
		}
	}
}

// newToken is the one that the seq-th purge gives a tag. Its last byte is free to
// count soft purges: at a random start some tags would have room for none.
func newToken(seq uint64) Token {
	var b [8]byte
	rand.Read(b[:]) // never fails
	b[7] = 0
	return Token{ID: binary.BigEndian.Uint64(b[:]), Seq: seq}
}
