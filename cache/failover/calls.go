package failover

import (
	"context"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Get implements cache.Store.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	err = s.read(ctx, "get", 1, func(ctx context.Context, b backend) (err error) {
		value, found, err = b.Get(ctx, key)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return value, found, nil
}

// GetMany implements cache.ManyStore.
func (s *Store) GetMany(ctx context.Context, keys []string) (values [][]byte, err error) {
	err = s.read(ctx, "get many", len(keys), func(ctx context.Context, b backend) (err error) {
		values, err = b.GetMany(ctx, keys)
		return err
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// TTL implements cache.Expirer.
func (s *Store) TTL(ctx context.Context, key string) (ttl time.Duration, found bool, err error) {
	err = s.read(ctx, "ttl", 1, func(ctx context.Context, b backend) (err error) {
		ttl, found, err = b.TTL(ctx, key)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return ttl, found, nil
}

// Set implements cache.Store.
//
// While open, what a loader fills in lives for at most two seconds if the outage
// is younger than that: peers may not have heard of it yet.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (stored bool, err error) {
	err = s.write(ctx, change{
		what: "set", key: key, mild: when == cache.IfAbsent, repeats: when == cache.Always, bound: kindOf(s.cfg.Prefix, key) == control,
	}, func(ctx context.Context, b backend) (err error) {
		stored, err = b.Set(ctx, key, value, s.lifetime(ctx, b, key, ttl), when)
		return err
	})
	return stored && err == nil, err
}

// SetMany implements cache.ManyStore.
func (s *Store) SetMany(ctx context.Context, items []cache.Item) (failed []string, err error) {
	keys := make([]string, len(items))
	for i, item := range items {
		keys[i] = item.Key
	}
	err = s.write(ctx, change{what: "set many", keys: keys, repeats: true}, func(ctx context.Context, b backend) (err error) {
		list := items
		if _, spare := b.(*view); spare && cache.IsFill(ctx) {
			list = make([]cache.Item, len(items))
			for i, item := range items {
				list[i] = item
				list[i].TTL = s.lifetime(ctx, b, item.Key, item.TTL)
			}
		}
		failed, err = b.SetMany(ctx, list)
		return err
	})
	if err != nil {
		return nil, err
	}
	return failed, nil
}

// young is the time after the beginning of an outage in which peers may not
// know of it.
const young = 2 * time.Second

// lifetime shortens that of what is filled into the fallback of a young outage.
func (s *Store) lifetime(ctx context.Context, b backend, key string, ttl time.Duration) time.Duration {
	if _, spare := b.(*view); !spare || ttl <= young || !cache.IsFill(ctx) || kindOf(s.cfg.Prefix, key) != value {
		return ttl
	}
	if time.Since(s.phase.Load().opened) < young {
		return young
	}
	return ttl
}

// Delete implements cache.Store.
func (s *Store) Delete(ctx context.Context, keys ...string) (removed int, err error) {
	err = s.write(ctx, change{what: "delete", keys: keys}, func(ctx context.Context, b backend) (err error) {
		removed, err = b.Delete(ctx, keys...)
		return err
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// Touch implements cache.Expirer.
func (s *Store) Touch(ctx context.Context, key string, ttl time.Duration) (found bool, err error) {
	err = s.write(ctx, change{what: "touch", key: key, mild: true}, func(ctx context.Context, b backend) (err error) {
		found, err = b.Touch(ctx, key, ttl)
		return err
	})
	return found && err == nil, err
}

// Incr implements cache.Counter. While open it fails with cache.ErrDegraded,
// except on control keys, or under BestEffort.
func (s *Store) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (sum int64, err error) {
	err = s.write(ctx, change{what: "incr", key: key, counts: true}, func(ctx context.Context, b backend) (err error) {
		sum, err = b.Incr(ctx, key, delta, create)
		return err
	})
	if err != nil {
		return 0, err
	}
	return sum, nil
}

// Swap implements cache.Swapper.
func (s *Store) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (swapped bool, err error) {
	err = s.write(ctx, change{what: "swap", key: key}, func(ctx context.Context, b backend) (err error) {
		swapped, err = b.Swap(ctx, key, old, value, ttl)
		return err
	})
	return swapped && err == nil, err
}
