package cache

import (
	"context"
	"fmt"
)

func (c *Cache) moveVersion(ctx context.Context, key string, by int, opts []Option) (int, error) {
	o, err := c.options(opts)
	if err != nil {
		return 0, err
	}
	if o.version+by < 0 {
		return 0, fmt.Errorf("cache: version %d of %q has no version before it", o.version, key)
	}
	err = c.move(ctx, key, o.version, o.version+by)
	if err = c.degraded(ctx, "move version", err); err != nil {
		return 0, err
	}
	return o.version + by, nil
}

// move writes the value under the other version before it removes the old one:
// who reads in between finds one of them.
func (c *Cache) move(ctx context.Context, key string, from, to int) error {
	t, s, err := c.one(ctx, from, key)
	if err != nil {
		return err
	}
	if s == nil {
		return fmt.Errorf("cache: version %d of %q: %w", from, key, ErrNotFound)
	}
	old := inGeneration(s.base, t.generation)
	ttl := s.env.lifetime(c.cfg.Now())
	raw := s.raw
	if s.counter {
		expirer, ok := c.store.(Expirer)
		if !ok {
			return ErrUnsupported
		}
		left, found, err := expirer.TTL(ctx, old)
		if err != nil || !found {
			return err
		}
		ttl = left
	} else {
		env := s.env
		env.key = c.fullKey(to, key)
		raw = env.encode()
	}
	if _, err = c.store.Set(ctx, inGeneration(c.valueBase(to, key), t.generation), raw, ttl, Always); err != nil {
		return err
	}
	return c.remove(ctx, old, s.raw)
}
