package null

import (
	"context"
	"fmt"
	"iter"
	"math"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Store keeps nothing. The zero value is ready to use. It is safe for concurrent
// use.
//
// Besides the end of its context and of the store it refuses what a caller must
// not pass to any store: keys that are empty, above 512 bytes or not printable
// ASCII (cache.ErrInvalidKey), a time to live of zero or less, an unknown
// cache.When.
type Store struct{ closed atomic.Bool }

var (
	_ cache.Store     = (*Store)(nil)
	_ cache.ManyStore = (*Store)(nil)
	_ cache.Expirer   = (*Store)(nil)
	_ cache.Counter   = (*Store)(nil)
	_ cache.Swapper   = (*Store)(nil)
	_ cache.Lister    = (*Store)(nil)
)

// New returns a store that keeps nothing.
func New() *Store { return &Store{} }

// maxKeyBytes is the longest key that a Store may be given.
const maxKeyBytes = 512

// check returns why a call must fail.
func (s *Store) check(ctx context.Context, keys ...string) error {
	if s.closed.Load() {
		return fmt.Errorf("null: %w", cache.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, key := range keys {
		if reason := refusal(key); reason != "" {
			return fmt.Errorf("null: %w", &cache.KeyError{Key: key, Reason: reason})
		}
	}
	return nil
}

func refusal(key string) string {
	switch {
	case key == "":
		return "it is empty"
	case len(key) > maxKeyBytes:
		return fmt.Sprintf("it has %d bytes, a store takes at most %d", len(key), maxKeyBytes)
	}
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return fmt.Sprintf("byte %d is not printable ASCII", i)
		}
	}
	return ""
}

func checkTTL(key string, ttl time.Duration) error {
	if ttl <= 0 {
		return fmt.Errorf("null: ttl of %.80q is %v: give a positive duration or cache.Forever", key, ttl)
	}
	return nil
}

// Get implements cache.Store: always a miss.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	return nil, false, s.check(ctx, key)
}

// Set implements cache.Store. It reports true, as if the value had been stored
// and evicted at once, except for cache.IfPresent: nothing is ever present.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (stored bool, err error) {
	if err := s.check(ctx, key); err != nil {
		return false, err
	}
	if err := checkTTL(key, ttl); err != nil {
		return false, err
	}
	if when > cache.IfPresent {
		return false, fmt.Errorf("null: unknown cache.When %d: use Always, IfAbsent or IfPresent", when)
	}
	return when != cache.IfPresent, nil
}

// Delete implements cache.Store: there is nothing to remove.
func (s *Store) Delete(ctx context.Context, keys ...string) (removed int, err error) {
	return 0, s.check(ctx, keys...)
}

// GetMany implements cache.ManyStore: only misses.
func (s *Store) GetMany(ctx context.Context, keys []string) (values [][]byte, err error) {
	if err := s.check(ctx, keys...); err != nil {
		return nil, err
	}
	return make([][]byte, len(keys)), nil
}

// SetMany implements cache.ManyStore, as Set does.
func (s *Store) SetMany(ctx context.Context, items []cache.Item) (failed []string, err error) {
	if err := s.check(ctx); err != nil {
		return nil, err
	}
	for _, item := range items {
		if _, err := s.Set(ctx, item.Key, item.Value, item.TTL, cache.Always); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Touch implements cache.Expirer: nothing is there.
func (s *Store) Touch(ctx context.Context, key string, ttl time.Duration) (found bool, err error) {
	if err := s.check(ctx, key); err != nil {
		return false, err
	}
	return false, checkTTL(key, ttl)
}

// TTL implements cache.Expirer: nothing is there.
func (s *Store) TTL(ctx context.Context, key string) (ttl time.Duration, found bool, err error) {
	return 0, false, s.check(ctx, key)
}

// Incr implements cache.Counter: every call is the first, so it returns
// create.Value + delta, or cache.ErrNotFound without create.
func (s *Store) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (sum int64, err error) {
	if err := s.check(ctx, key); err != nil {
		return 0, err
	}
	if create == nil {
		return 0, fmt.Errorf("null: incr %.80q: %w", key, cache.ErrNotFound)
	}
	if err := checkTTL(key, create.TTL); err != nil {
		return 0, err
	}
	from := create.Value
	if (delta > 0 && from > math.MaxInt64-delta) || (delta < 0 && from < math.MinInt64-delta) {
		return 0, fmt.Errorf("null: incr %.80q: %w", key, cache.ErrOverflow)
	}
	return from + delta, nil
}

// Swap implements cache.Swapper: nothing is there.
func (s *Store) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (swapped bool, err error) {
	if err := s.check(ctx, key); err != nil {
		return false, err
	}
	if value == nil {
		return false, nil
	}
	return false, checkTTL(key, ttl)
}

// Keys implements cache.Lister: it yields nothing but the error of a context or
// store that has ended.
func (s *Store) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := s.check(ctx); err != nil {
			yield("", err)
		}
	}
}

// Close implements cache.Store.
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}
