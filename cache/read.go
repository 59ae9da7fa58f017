package cache

import (
	"context"
	"time"
)

// one is lookup of a single key, for readers: staleness counts as a miss.
func (c *Cache) one(ctx context.Context, version int, key string) (ticket, *stored, error) {
	t, found, err := c.lookup(ctx, version, key)
	if err != nil {
		return t, nil, err
	}
	if s := found[0]; s != nil && !s.stale {
		return t, s, nil
	}
	return t, nil, nil
}

// Has reports whether key holds a value that is valid now.
func (c *Cache) Has(ctx context.Context, key string, opts ...Option) (bool, error) {
	o, err := c.options(opts)
	if err != nil {
		return false, err
	}
	_, s, err := c.one(ctx, o.version, key)
	return s != nil, c.verdict(ctx, "has", err)
}

// TTL returns what is left of the life of key: [Forever], or a positive
// duration. A miss is false.
func (c *Cache) TTL(ctx context.Context, key string, opts ...Option) (ttl time.Duration, found bool, err error) {
	o, err := c.options(opts)
	if err != nil {
		return 0, false, err
	}
	t, s, err := c.one(ctx, o.version, key)
	if err != nil || s == nil {
		return 0, false, c.verdict(ctx, "ttl", err)
	}
	expirer, ok := c.store.(Expirer)
	if !ok {
		if s.counter {
			return 0, false, c.verdict(ctx, "ttl", ErrUnsupported)
		}
		return remaining(c.cfg.Now(), s.env.expires), true, nil
	}
	ttl, found, err = expirer.TTL(ctx, inGeneration(s.base, t.generation))
	if found && ttl != Forever {
		ttl -= s.env.stale
		found = ttl > 0
	}
	if err != nil || !found {
		ttl, found = 0, false
	}
	return ttl, found, c.verdict(ctx, "ttl", err)
}

// note says to the open scope what a value said when it was made.
func (c *Cache) note(ctx context.Context, s *stored) {
	if s != nil && !s.counter {
		ScopeOf(ctx).Merge(s.env.allDeps())
	}
}

// hit counts a read.
func (c *Cache) hit(ok bool) {
	if ok {
		c.count.hits.add()
	} else {
		c.count.misses.Add(1)
	}
}
