package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

// memoryBetween and redisBetween are stores in which something happens between the
// count of a purge and its tokens, once.
type memoryBetween struct {
	*memory.Store
	then func()
}

type redisBetween struct {
	*redis.Store
	then func()
}

func (s *memoryBetween) Incr(ctx context.Context, key string, by int64, initial *cache.Initial) (int64, error) {
	n, err := s.Store.Incr(ctx, key, by, initial)
	once(&s.then)
	return n, err
}

func (s *redisBetween) Incr(ctx context.Context, key string, by int64, initial *cache.Initial) (int64, error) {
	n, err := s.Store.Incr(ctx, key, by, initial)
	once(&s.then)
	return n, err
}

func once(then *func()) {
	if f := *then; f != nil {
		*then = nil
		f()
	}
}

// A soft purge that is counted after a hard one and writes before it takes nothing
// away from it.
func TestSoftPurgeOvertakesAHardOne(t *testing.T) {
	t.Parallel()
	rows, err := memory.New(memory.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, rows.Close()) })
	far, err := redis.New(t.Context(), redis.Config{URL: testenv.Redis(t).URL, SocketTimeout: 10 * time.Second})
	must(t, err)
	t.Cleanup(func() { must(t, far.Close()) })
	near, remote := &memoryBetween{Store: rows}, &redisBetween{Store: far}
	for name, s := range map[string]struct {
		store cache.Store
		then  *func()
	}{"memory": {near, &near.then}, "redis": {remote, &remote.then}} {
		t.Run(name, func(t *testing.T) {
			c, err := cache.New(cache.Config{Store: s.store})
			must(t, err)
			t.Cleanup(func() { must(t, c.Close()) })
			pages, err := cache.NewRecords(c, cache.RecordsConfig[string]{
				Kind: 'p', Stale: true, Size: func(s string) int { return len(s) },
				Encode: func(s string) ([]byte, error) { return []byte(s), nil },
				Decode: func(b []byte) (string, error) { return string(b), nil },
			})
			must(t, err)
			(&server{Cache: c, pages: pages}).keep(t, "page", "old", "a", "b")
			*s.then = func() { must(t, c.PurgeSoft(t.Context(), "a")) }
			must(t, c.Purge(t.Context(), "a"))
			if _, found, err := pages.Get(t.Context(), cache.NewKey("page")); found || err != nil {
				t.Errorf("after the purge was acknowledged: found %v, %v", found, err)
			}
		})
	}
}
