package cache_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

// twofold is a store with a fallback: whoever it asks, the calls that write come
// when the shared store is back, which was away when the call before was made.
type twofold struct {
	*far
	spare  *memory.Store
	away   atomic.Bool
	writes atomic.Int64
}

func (s *twofold) onSpare(ctx context.Context) bool {
	if s.away.Load() {
		cache.AnsweredByFallback(ctx)
	}
	return s.away.Load()
}

func (s *twofold) Degraded() bool { return s.away.Load() }

func (s *twofold) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if s.onSpare(ctx) {
		return s.spare.Get(ctx, key)
	}
	return s.far.Get(ctx, key)
}

func (s *twofold) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	if s.onSpare(ctx) {
		return s.spare.GetMany(ctx, keys)
	}
	return s.far.GetMany(ctx, keys)
}

func (s *twofold) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	if s.onSpare(ctx) {
		return s.spare.Set(ctx, key, value, ttl, when)
	}
	return s.far.Set(ctx, key, value, ttl, when)
}

func (s *twofold) SetMany(ctx context.Context, items []cache.Item) ([]string, error) {
	s.away.Store(false)
	s.writes.Add(1)
	return s.far.SetMany(ctx, items)
}

func (s *twofold) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (int64, error) {
	s.away.Store(false)
	s.writes.Add(1)
	return s.far.Incr(ctx, key, delta, create)
}

// What is written when the store comes back is written where it is read, and not
// in the generation of the fallback.
func TestWritesWhileTheStoreComesBack(t *testing.T) {
	t.Parallel()
	spare, err := memory.New(memory.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, spare.Close()) })
	store := &twofold{far: newFar(t), spare: spare}
	c, err := cache.New(cache.Config{Store: store})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	values := cache.Of[int](c)
	_, err = values.Set(t.Context(), "k", 1)
	must(t, err)

	store.away.Store(true)
	failed, err := values.SetMany(t.Context(), map[string]int{"k": 7})
	if err != nil || len(failed) > 0 {
		t.Fatalf("SetMany: %v, %v", failed, err)
	}
	if v, found, err := values.Get(t.Context(), "k"); v != 7 || !found || err != nil {
		t.Errorf("after SetMany: %d, %v, %v, want 7", v, found, err)
	}
	store.away.Store(true)
	if n, err := c.Incr(t.Context(), "k", 1); n != 8 || err != nil {
		t.Errorf("Incr: %d, %v, want 8", n, err)
	}
	store.away.Store(true)
	if n, err := c.IncrWithTTL(t.Context(), "k", 1); n != 9 || err != nil {
		t.Errorf("IncrWithTTL: %d, %v, want 9", n, err)
	}
	if store.writes.Load() != 6 { // each once in vain
		t.Errorf("%d writes: nothing was tried", store.writes.Load())
	}
}
