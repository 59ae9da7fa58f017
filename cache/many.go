package cache

import (
	"context"
	"maps"
	"slices"
)

// putMany stores values in one call if the store can. Every value is encoded
// before the first is stored, so that a bad one leaves all as it was.
func (c *Cache) putMany(ctx context.Context, values map[string]any, o *callOptions) (failed []string, err error) {
	keys := slices.Sorted(maps.Keys(values))
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return nil, err
		}
	}
	if o.ttl <= 0 {
		_, err = c.deleteKeys(ctx, o.version, keys...)
		return nil, err
	}
	if err := c.open(); err != nil {
		return nil, err
	}
	_, err = c.inOneStore(ctx, func(ctx context.Context, t ticket) (_ bool, err error) {
		failed, err = c.putManyIn(ctx, t, keys, values, o)
		return true, err
	})
	if err != nil {
		failed = keys
	}
	return failed, err
}

// putManyIn is putMany in a generation.
func (c *Cache) putManyIn(ctx context.Context, t ticket, keys []string, values map[string]any, o *callOptions) (failed []string, err error) {
	deps, reason, err := c.ownDeps(ctx, t, o)
	if err != nil {
		return nil, err
	}
	if reason != "" {
		c.count.refused.Add(uint64(len(keys)))
		_, err = c.deleteKeys(ctx, o.version, keys...)
		return keys, err
	}
	items := make([]Item, len(keys))
	names := make(map[string]string, len(keys))
	for i, key := range keys {
		raw, err := c.encode(key, values[key], deps, o)
		if err != nil {
			return nil, err
		}
		physical := inGeneration(c.valueBase(o.version, key), t.generation)
		items[i] = Item{Key: physical, Value: raw, TTL: ttlOf(o)}
		names[physical] = key
	}
	c.count.sets.Add(uint64(len(items)))
	failed, err = setMany(ctx, c.store, items)
	for i := range failed {
		failed[i] = names[failed[i]]
	}
	return failed, err
}

func setMany(ctx context.Context, s Store, items []Item) (failed []string, err error) {
	if many, ok := s.(ManyStore); ok {
		return many.SetMany(ctx, items)
	}
	for _, item := range items {
		if stored, err := s.Set(ctx, item.Key, item.Value, item.TTL, Always); err != nil {
			return nil, err
		} else if !stored {
			failed = append(failed, item.Key)
		}
	}
	return failed, nil
}
