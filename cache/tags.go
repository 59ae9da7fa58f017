package cache

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
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
	store  Store
	prefix string
	now    func() time.Time
	log    *slog.Logger
	epoch  *Epoch // nil where others can purge behind this process' back
}

// TagsConfig is what a [Tags] is made of.
type TagsConfig struct {
	// Store keeps the tokens. It needs Counter and Swapper. Required.
	Store Store
	// Prefix as in Config. Defaults to "echoic".
	Prefix string
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
	t := &Tags{store: cfg.Store, prefix: cfg.Prefix, now: cfg.Now, log: cfg.Logger}
	if local, ok := cfg.Store.(ObjectStore); ok {
		t.epoch = local.PurgeEpoch()
	}
	return t, nil
}

func (t *Tags) key(tag string) string { return t.prefix + ":t:" + hash([]byte(tag)) }
func (t *Tags) seqKey() string        { return t.prefix + ":t:seq" }

// Purge makes everything that carries one of the tags miss from now on, also
// what is being made right now from older data. It returns when the store has
// acknowledged. No tags is fine; the same tag twice counts once.
func (t *Tags) Purge(ctx context.Context, tags ...string) error {
	tags = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(tags))), func(s string) bool { return s == "" })
	if len(tags) == 0 {
		return nil
	}
	defer t.advance()
	seq, err := t.nextSequence(ctx)
	if err != nil {
		return t.purgeByDelete(ctx, tags, err)
	}
	for _, tag := range tags {
		if err := t.renew(ctx, t.key(tag), Token{ID: randomID(), Seq: seq}); err != nil {
			return t.purgeByDelete(ctx, tags, err)
		}
	}
	return nil
}

// purgeByDelete is what is left when tokens cannot be written, because the
// store is out of memory for example: a token that is missing is invalid too.
func (t *Tags) purgeByDelete(ctx context.Context, tags []string, cause error) error {
	keys := make([]string, len(tags))
	for i, tag := range tags {
		keys[i] = t.key(tag)
	}
	if _, err := t.store.Delete(ctx, keys...); err != nil {
		return fmt.Errorf("cache: purge of %d tags: %w", len(tags), errors.Join(cause, err))
	}
	t.log.WarnContext(ctx, "cache: tags purged by deleting their tokens", "tags", len(tags), "error", cause)
	return nil
}

// renew writes token unless a later purge already did. Taking an older token
// over a later one would let fills pass that began between the two.
func (t *Tags) renew(ctx context.Context, key string, token Token) error {
	swapper, ok := t.store.(Swapper)
	if !ok {
		_, err := t.store.Set(ctx, key, token.encode(), tokenTTL, Always)
		return err
	}
	for range 16 {
		old, found, err := t.store.Get(ctx, key)
		if err != nil {
			return err
		}
		if found && decodeToken(old).Seq > token.Seq {
			return nil
		}
		var done bool
		if found {
			done, err = swapper.Swap(ctx, key, old, token.encode(), tokenTTL)
		} else {
			done, err = t.store.Set(ctx, key, token.encode(), tokenTTL, IfAbsent)
		}
		if err != nil || done {
			return err
		}
	}
	_, err := t.store.Delete(ctx, key) // as good: everybody misses
	return err
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
	n, err := strconv.ParseUint(string(raw), 10, 63)
	if err != nil {
		return 0
	}
	return n
}

// advance tells this process that tokens have to be looked at again.
func (t *Tags) advance() {
	if t.epoch != nil {
		t.epoch.Advance()
	}
}

// current reports whether no tag was purged since the tokens were taken.
func (t *Tags) current(ctx context.Context, tags []TagToken) (bool, error) {
	if len(tags) == 0 {
		return true, nil
	}
	now, err := t.tokens(ctx, tags)
	if err != nil {
		return false, err
	}
	for i, tag := range tags {
		if tag.Token.IsZero() || now[i] != tag.Token {
			return false, nil
		}
	}
	return true, nil
}

func (t *Tags) tokens(ctx context.Context, tags []TagToken) ([]Token, error) {
	keys := make([]string, len(tags))
	for i, tag := range tags {
		keys[i] = t.key(tag.Name)
	}
	raw, err := getMany(ctx, t.store, keys)
	if err != nil {
		return nil, err
	}
	tokens := make([]Token, len(tags))
	for i := range raw {
		tokens[i] = decodeToken(raw[i])
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
	seq, err := t.sequence(ctx)
	if err != nil {
		return Token{}, err
	}
	key := t.key(tag)
	if _, err = t.store.Set(ctx, key, Token{ID: randomID(), Seq: seq}.encode(), tokenTTL, IfAbsent); err != nil {
		return Token{}, err
	}
	raw, _, err := t.store.Get(ctx, key)
	return decodeToken(raw), err
}

// extend lets tokens live as long as an entry that would outlive them. Failing
// only costs a miss later.
func (t *Tags) extend(ctx context.Context, tags []TagToken, ttl time.Duration) {
	expirer, ok := t.store.(Expirer)
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

func randomID() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	if id := binary.BigEndian.Uint64(b[:]); id != 0 {
		return id
	}
	return 1
}
