package cache

import (
	"context"
	"errors"
	"math"
	"strconv"
)

// Incr adds delta to the integer under key and returns the sum. It is atomic
// on every store and keeps the time to live. Nothing there is ErrNotFound; a
// value that is no integer, or one with tags, ErrNotInteger; a sum beyond 64
// bits ErrOverflow, and the value stays. While the store is away it returns
// ErrDegraded, also under IgnoreErrors.
func (c *Cache) Incr(ctx context.Context, key string, delta int64, opts ...Option) (int64, error) {
	return c.incr(ctx, key, delta, nil, opts)
}

// Decr subtracts delta, as Incr adds it.
func (c *Cache) Decr(ctx context.Context, key string, delta int64, opts ...Option) (int64, error) {
	if delta == math.MinInt64 {
		return 0, ErrOverflow
	}
	return c.incr(ctx, key, -delta, nil, opts)
}

// IncrWithTTL is Incr that starts from zero where nothing is, in the same
// atomic step. The time to live (the option [TTL], else the default) counts
// only then.
func (c *Cache) IncrWithTTL(ctx context.Context, key string, delta int64, opts ...Option) (int64, error) {
	o, err := c.options(opts)
	if err != nil {
		return 0, err
	}
	if o.ttl <= 0 {
		n, err := c.incr(ctx, key, delta, nil, opts)
		if errors.Is(err, ErrNotFound) {
			return delta, nil // as Add with such a time to live: nothing stays
		}
		return n, err
	}
	return c.incr(ctx, key, delta, &Initial{TTL: o.ttl}, opts)
}

func (c *Cache) incr(ctx context.Context, key string, delta int64, create *Initial, opts []Option) (int64, error) {
	o, err := c.options(opts)
	if err != nil {
		return 0, err
	}
	if len(o.tags) > 0 {
		return 0, ErrTaggedCounter
	}
	if err = checkKey(key); err != nil {
		return 0, err
	}
	if err = c.open(); err != nil {
		return 0, err
	}
	var n int64
	var missing error // is what one finds in the generation of another store
	_, err = c.inOneStore(ctx, func(ctx context.Context, t ticket) (_ bool, err error) {
		n, err = c.addTo(ctx, t, key, delta, create, &o)
		if missing = nil; errors.Is(err, ErrNotFound) {
			missing, err = err, nil
		}
		return true, err
	})
	if err == nil {
		err = missing
	}
	return n, c.degraded(ctx, "incr", err)
}

// addTo adds in a generation.
func (c *Cache) addTo(ctx context.Context, t ticket, key string, delta int64, create *Initial, o *callOptions) (int64, error) {
	counter, ok := c.store.(Counter)
	if !ok {
		return 0, ErrUnsupported
	}
	physical := inGeneration(c.valueBase(o.version, key), t.generation)
	for range swapTries {
		n, err := counter.Incr(ctx, physical, delta, create)
		if !errors.Is(err, ErrNotInteger) {
			return n, err
		}
		// Not digits, but perhaps an integer that GetOrSet stored in an
		// envelope, because its time to live was explicit.
		again, err := c.addToEnvelope(ctx, key, delta, create, o, &n)
		if err != nil || !again {
			return n, err
		}
	}
	return 0, errContended
}

// addToEnvelope tries once; again means that somebody was faster, or that what
// stood in the way is gone.
func (c *Cache) addToEnvelope(ctx context.Context, key string, delta int64, create *Initial, o *callOptions, sum *int64) (again bool, err error) {
	t, found, err := c.lookup(ctx, o.version, key)
	if err != nil {
		return false, err
	}
	s := found[0]
	physical := inGeneration(c.valueBase(o.version, key), t.generation)
	if s == nil || s.stale { // purged or expired: not there
		if create == nil {
			return false, ErrNotFound
		}
		_, err = c.store.Delete(ctx, physical)
		return true, err
	}
	if s.counter {
		return true, nil
	}
	var from *int64 // nil is what a stored nil is decoded to
	if len(s.env.deps.Tags) > 0 || c.decodePayload(&s.env, &from) != nil || from == nil {
		return false, ErrNotInteger
	}
	n := *from
	if (delta > 0 && n > math.MaxInt64-delta) || (delta < 0 && n < math.MinInt64-delta) {
		return false, ErrOverflow
	}
	*sum = n + delta
	// From here on it is a counter: the end that its envelope held is now
	// the store's alone.
	raw := strconv.AppendInt(nil, *sum, 10)
	done, err := c.swap(ctx, physical, s.raw, raw, s.env.lifetime(c.cfg.Now()))
	return !done, err
}

// IncrVersion moves the value of key from its version to the next, keeping
// value and time to live, and returns the new version. ErrNotFound if nothing
// is there.
func (c *Cache) IncrVersion(ctx context.Context, key string, opts ...Option) (int, error) {
	return c.moveVersion(ctx, key, 1, opts)
}

// DecrVersion moves the value to the version before, as IncrVersion.
func (c *Cache) DecrVersion(ctx context.Context, key string, opts ...Option) (int, error) {
	return c.moveVersion(ctx, key, -1, opts)
}
