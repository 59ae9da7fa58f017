package cachetest

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// errBroken is what a spyStore that has been broken returns.
var errBroken = errors.New("the store is broken")

// spyStore passes calls on to a store with all powers but those of an
// ObjectStore. It counts them, and fails them while it is broken.
type spyStore struct {
	cache.Store
	calls  atomic.Int64
	broken atomic.Bool
	refuse string // keys that hold it cannot be kept by SetMany
	hold   func() // called between reading values and returning them
	list   func() // called before keys are listed
}

var (
	_ cache.ManyStore = (*spyStore)(nil)
	_ cache.Expirer   = (*spyStore)(nil)
	_ cache.Counter   = (*spyStore)(nil)
	_ cache.Swapper   = (*spyStore)(nil)
	_ cache.Lister    = (*spyStore)(nil)
)

func (s *spyStore) called() error {
	s.calls.Add(1)
	if s.broken.Load() {
		return errBroken
	}
	return nil
}

func (s *spyStore) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := s.called(); err != nil {
		return nil, false, err
	}
	value, found, err := s.Store.Get(ctx, key)
	if s.hold != nil && strings.Contains(key, ":v:") { // behind a near tier, a value is read alone
		s.hold()
	}
	return value, found, err
}

func (s *spyStore) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	if err := s.called(); err != nil {
		return false, err
	}
	return s.Store.Set(ctx, key, value, ttl, when)
}

func (s *spyStore) Delete(ctx context.Context, keys ...string) (int, error) {
	if err := s.called(); err != nil {
		return 0, err
	}
	return s.Store.Delete(ctx, keys...)
}

func (s *spyStore) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	if err := s.called(); err != nil {
		return nil, err
	}
	values, err := s.Store.(cache.ManyStore).GetMany(ctx, keys)
	if s.hold != nil {
		s.hold()
	}
	return values, err
}

func (s *spyStore) SetMany(ctx context.Context, items []cache.Item) ([]string, error) {
	if err := s.called(); err != nil {
		return nil, err
	}
	var keep []cache.Item
	var failed []string
	for _, item := range items {
		if s.refuse != "" && strings.Contains(item.Key, s.refuse) {
			failed = append(failed, item.Key)
		} else {
			keep = append(keep, item)
		}
	}
	more, err := s.Store.(cache.ManyStore).SetMany(ctx, keep)
	return append(failed, more...), err
}

func (s *spyStore) Touch(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	if err := s.called(); err != nil {
		return false, err
	}
	return s.Store.(cache.Expirer).Touch(ctx, key, ttl)
}

func (s *spyStore) TTL(ctx context.Context, key string) (time.Duration, bool, error) {
	if err := s.called(); err != nil {
		return 0, false, err
	}
	return s.Store.(cache.Expirer).TTL(ctx, key)
}

func (s *spyStore) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (int64, error) {
	if err := s.called(); err != nil {
		return 0, err
	}
	return s.Store.(cache.Counter).Incr(ctx, key, delta, create)
}

func (s *spyStore) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	if err := s.called(); err != nil {
		return false, err
	}
	return s.Store.(cache.Swapper).Swap(ctx, key, old, value, ttl)
}

func (s *spyStore) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	if err := s.called(); err != nil {
		return func(yield func(string, error) bool) { yield("", err) }
	}
	if s.list != nil {
		s.list()
	}
	return s.Store.(cache.Lister).Keys(ctx, prefix)
}
