package cache

import (
	"context"
	"time"
)

// Touch gives key a new time to live, counted from now, and reports whether
// there was a value: the default without the option [TTL], [Forever] takes the
// end away, zero or less removes the value.
func (c *Cache) Touch(ctx context.Context, key string, opts ...Option) (bool, error) {
	o, err := c.options(opts)
	if err != nil {
		return false, err
	}
	done, err := c.touch(ctx, key, &o)
	return done, c.verdict(ctx, "touch", err)
}

// ExpireAt ends the life of key at the given instant; one that has passed
// removes it. It reports whether there was a value.
func (c *Cache) ExpireAt(ctx context.Context, key string, at time.Time, opts ...Option) (bool, error) {
	ttl := at.Sub(c.cfg.Now())
	return c.Touch(ctx, key, append(opts[:len(opts):len(opts)], TTL(ttl))...)
}

func (c *Cache) touch(ctx context.Context, key string, o *callOptions) (bool, error) {
	for range swapTries {
		t, s, err := c.one(ctx, o.version, key)
		if err != nil || s == nil {
			return false, err
		}
		physical := inGeneration(s.base, t.generation)
		var done bool
		switch {
		case o.ttl <= 0:
			done, err = c.swap(ctx, physical, s.raw, nil, Forever)
		case s.counter:
			expirer, ok := c.store.(Expirer)
			if !ok {
				return false, ErrUnsupported
			}
			return expirer.Touch(ctx, physical, o.ttl)
		default:
			// The end is in the envelope too: pages that show the value
			// take theirs from it.
			env := s.env
			env.expires = expiryAt(c.cfg.Now(), o.ttl)
			env.explicit = o.hasTTL && o.ttl != Forever
			o.stale = env.stale
			done, err = c.swap(ctx, physical, s.raw, env.encode(), ttlOf(o))
		}
		if err != nil || done {
			return done, err
		}
	}
	return false, errContended
}
