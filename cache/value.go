package cache

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// stored is a value as the store holds it: an envelope, or the decimal digits
// of a counter.
type stored struct {
	base    string // physical key without generation
	raw     []byte
	env     envelope
	counter bool
	stale   bool // past its end, within StaleFor
}

// lookup reads and checks values. A nil entry is a miss, whatever the reason.
func (c *Cache) lookup(ctx context.Context, version int, keys ...string) (ticket, []*stored, error) {
	bases := make([]string, len(keys))
	for i, key := range keys {
		if err := checkKey(key); err != nil {
			return ticket{}, nil, err
		}
		bases[i] = c.valueBase(version, key)
	}
	if err := c.open(); err != nil {
		return ticket{}, nil, err
	}
	got, err := c.read(ctx, &c.values, bases...)
	if err != nil {
		return ticket{}, nil, err
	}
	found := make([]*stored, len(keys))
	for i, raw := range got.raws {
		if raw != nil {
			found[i] = c.unpack(ctx, got.ticket, bases[i], c.fullKey(version, keys[i]), raw)
		}
	}
	if err := c.dropPurged(ctx, found); err != nil {
		return got.ticket, found, err
	}
	for i, s := range found {
		c.holdValue(got.near, i, s)
	}
	return got.ticket, found, nil
}

// fullKey is what the envelope records: unlike the physical key it is exact.
func (c *Cache) fullKey(version int, key string) string { return c.valuePrefix(version) + key }

// unpack decodes and checks all that needs no further read.
func (c *Cache) unpack(ctx context.Context, t ticket, base, full string, raw []byte) *stored {
	s := &stored{base: base, raw: raw}
	if len(raw) > 0 && raw[0] != envelopeMagic {
		if _, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			s.counter = true
			return s
		}
	}
	env, err := decodeEnvelope(raw)
	if err != nil || env.key != full {
		c.discard(ctx, t, base, raw)
		return nil
	}
	s.env = env
	now := c.cfg.Now()
	if env.stale > 0 && remaining(now, env.expires) <= 0 {
		s.stale = true
	}
	if !matches(ctx, env.deps.Vary) {
		return nil
	}
	return s
}

// discard removes a damaged value, unless somebody has replaced it meanwhile.
func (c *Cache) discard(ctx context.Context, t ticket, base string, raw []byte) {
	c.count.corrupt.Add(1)
	c.cfg.Logger.WarnContext(ctx, "cache: damaged value removed", "cache", c.cfg.Prefix, "key", base, "bytes", len(raw))
	if err := c.remove(ctx, inGeneration(base, t.generation), raw); err != nil {
		c.logFailure(ctx, "delete", err)
	}
}

// remove deletes what was read, and only that if the store can tell.
func (c *Cache) remove(ctx context.Context, physical string, raw []byte) error {
	if swapper, ok := c.store.(Swapper); ok {
		_, err := swapper.Swap(ctx, physical, raw, nil, Forever)
		return err
	}
	_, err := c.store.Delete(ctx, physical)
	return err
}

// dropPurged forgets the entries with a tag that was purged. All tags of all
// entries are read in one round trip.
func (c *Cache) dropPurged(ctx context.Context, found []*stored) error {
	var tags []TagToken
	for _, s := range found {
		if s != nil {
			tags = append(tags, s.env.deps.Tags...)
		}
	}
	if len(tags) == 0 {
		return nil
	}
	tokens, err := c.tags.tokens(ctx, tags)
	if err != nil {
		return err
	}
	next := 0
	for i, s := range found {
		if s == nil {
			continue
		}
		for _, tag := range s.env.deps.Tags {
			if tag.Token.IsZero() || tag.Token != tokens[next] {
				found[i] = nil
			}
			next++
		}
	}
	return nil
}

// decode turns a stored value into dst, a pointer. False is a value of another
// type: a miss for this caller, and left alone for others.
func (c *Cache) decode(ctx context.Context, s *stored, dst any) bool {
	var err error
	if s.counter {
		err = decodeCounter(s.raw, dst)
	} else {
		err = c.decodePayload(&s.env, dst)
	}
	if err != nil {
		c.count.mismatch.Add(1)
		c.cfg.Logger.WarnContext(ctx, "cache: value does not fit", "cache", c.cfg.Prefix, "key", s.base, "into", fmt.Sprintf("%T", dst), "error", err)
	}
	return err == nil
}

func (c *Cache) decodePayload(env *envelope, dst any) error {
	if env.rawLen > c.cfg.MaxValueBytes {
		return &SizeError{Key: env.key, Size: env.rawLen, Limit: c.cfg.MaxValueBytes}
	}
	compressor, err := compressorFor(env.compressor)
	if err != nil {
		return err
	}
	codec, err := c.codecFor(env.codec)
	if err != nil {
		return err
	}
	plain, err := compressor.expand(env.payload, env.rawLen)
	if err != nil {
		return err
	}
	return codec.Unmarshal(plain, dst)
}

// decodeCounter fits the digits into any type of number.
func decodeCounter(raw []byte, dst any) error {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return err
	}
	v := reflect.ValueOf(dst).Elem()
	switch {
	case v.CanInt() && !v.OverflowInt(n):
		v.SetInt(n)
	case v.CanUint() && n >= 0 && !v.OverflowUint(uint64(n)):
		v.SetUint(uint64(n))
	case v.CanFloat():
		v.SetFloat(float64(n))
	case v.Kind() == reflect.Interface && v.NumMethod() == 0:
		v.Set(reflect.ValueOf(n))
	default:
		return fmt.Errorf("the integer %d does not fit into %s", n, v.Type())
	}
	return nil
}

// encode makes the bytes to store for v. Integers without tags are kept as
// digits, so that Incr works on them.
func (c *Cache) encode(key string, v any, deps Deps, o *callOptions) ([]byte, error) {
	if digits, ok := counterDigits(v); ok && deps.IsZero() && o.stale == 0 {
		return digits, nil
	}
	codec := c.codecOf(v)
	plain, err := codec.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cache: value of %q: %T cannot be encoded: %w", key, v, err)
	}
	return c.seal(codec.ID(), c.fullKey(o.version, key), key, plain, deps, o)
}

// seal compresses and frames encoded bytes.
func (c *Cache) seal(codec byte, full, key string, plain []byte, deps Deps, o *callOptions) ([]byte, error) {
	if len(plain) > c.cfg.MaxValueBytes {
		return nil, &SizeError{Key: key, Size: len(plain), Limit: c.cfg.MaxValueBytes}
	}
	now := c.cfg.Now()
	env := envelope{
		codec: codec, rawLen: len(plain), payload: plain, key: full, deps: deps,
		explicit: o.hasTTL && o.ttl != Forever, created: now, expires: expiryAt(now, o.ttl), stale: o.stale,
	}
	if len(plain) >= c.cfg.CompressFrom && c.cfg.Compressor != NoCompression {
		small, err := c.cfg.Compressor.compress(nil, plain)
		if err != nil {
			return nil, fmt.Errorf("cache: value of %q: %w", key, err)
		}
		if len(small) < len(plain) {
			env.payload, env.compressor = small, c.cfg.Compressor.id()
		}
	}
	return env.encode(), nil
}

// counterDigits returns the digits of a value of an integer type.
func counterDigits(v any) ([]byte, bool) {
	rv := reflect.ValueOf(v)
	switch {
	case !rv.IsValid() || reflect.TypeOf(v).PkgPath() != "":
		return nil, false // named types may have a meaning of their own
	case rv.CanInt():
		return strconv.AppendInt(nil, rv.Int(), 10), true
	case rv.CanUint() && rv.Uint() <= 1<<63-1:
		return strconv.AppendUint(nil, rv.Uint(), 10), true
	}
	return nil, false
}

// ttlOf is the store's lifetime for o.
func ttlOf(o *callOptions) time.Duration {
	if o.ttl == Forever || o.stale > Forever-o.ttl {
		return Forever
	}
	return o.ttl + o.stale
}
