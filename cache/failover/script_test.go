package failover_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/failover"
	"github.com/echoic-go/echoic/cache/memory"
)

// scripted is a store in memory that can be away in several ways. It is for what
// the breaker does with time, in testing/synctest; what stores really do is
// tested with real ones.
type scripted struct {
	powers
	mode  atomic.Int32
	delay atomic.Int64
	calls atomic.Int64
}

type powers interface {
	cache.Store
	cache.ManyStore
	cache.Expirer
	cache.Counter
	cache.Swapper
	cache.Lister
}

const (
	works   = iota
	refuses // says that it is away
	hangs   // until the context ends
	denies  // answers with an error of its own
	deaf    // hangs for a second, whatever the context says
)

var errOwn = errors.New("scripted: something else")

func newScripted(t testing.TB) *scripted {
	t.Helper()
	store, err := memory.New(memory.Config{MaxEntries: 100_000, Now: time.Now})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return &scripted{powers: store}
}

func (s *scripted) act(ctx context.Context) error {
	s.calls.Add(1)
	if d := time.Duration(s.delay.Load()); d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return fmt.Errorf("scripted: %w", ctx.Err())
		}
	}
	switch s.mode.Load() {
	case refuses:
		return fmt.Errorf("scripted: %w", cache.ErrDegraded)
	case hangs:
		<-ctx.Done()
		return fmt.Errorf("scripted: %w", ctx.Err())
	case denies:
		return errOwn
	case deaf:
		time.Sleep(time.Second)
	}
	return nil
}

func (s *scripted) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := s.act(ctx); err != nil {
		return nil, false, err
	}
	return s.powers.Get(ctx, key)
}

func (s *scripted) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	if err := s.act(ctx); err != nil {
		return nil, err
	}
	return s.powers.GetMany(ctx, keys)
}

func (s *scripted) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	if err := s.act(ctx); err != nil {
		return false, err
	}
	return s.powers.Set(ctx, key, value, ttl, when)
}

func (s *scripted) Delete(ctx context.Context, keys ...string) (int, error) {
	if err := s.act(ctx); err != nil {
		return 0, err
	}
	return s.powers.Delete(ctx, keys...)
}

func (s *scripted) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	if err := s.act(ctx); err != nil {
		return false, err
	}
	return s.powers.Swap(ctx, key, old, value, ttl)
}

func (s *scripted) Touch(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	if err := s.act(ctx); err != nil {
		return false, err
	}
	return s.powers.Touch(ctx, key, ttl)
}

func (s *scripted) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := s.act(ctx); err != nil {
			yield("", err)
			return
		}
		s.powers.Keys(ctx, prefix)(yield)
	}
}

// notebook is a cache.Journal that only writes down, and can be away.
type notebook struct {
	mu    sync.Mutex
	rows  []cache.Invalidation
	away  bool
	slow  atomic.Int64 // nanoseconds
	hears []func([]cache.Invalidation)
	calls atomic.Int64

	applied atomic.Int64
}

func (n *notebook) Append(ctx context.Context, list ...cache.Invalidation) (cache.Receipt, error) {
	n.calls.Add(1)
	if d := time.Duration(n.slow.Load()); d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return cache.Receipt{}, ctx.Err()
		}
	}
	n.mu.Lock()
	if n.away {
		n.mu.Unlock()
		return cache.Receipt{}, errors.New("notebook: away")
	}
	n.rows = append(n.rows, list...)
	last := int64(len(n.rows))
	hears := n.hears
	n.mu.Unlock()
	for _, hear := range hears {
		hear(list)
	}
	return cache.Receipt{First: last, Last: last}, nil
}

func (n *notebook) Applied(context.Context, cache.Receipt) { n.applied.Add(1) }

func (n *notebook) setAway(away bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away = away
}

func (n *notebook) size() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.rows)
}

func (n *notebook) count(kind cache.InvalidationKind, name string) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, row := range n.rows {
		if row.Kind == kind && row.Name == name {
			count++
		}
	}
	return count
}

// changes writes down what OnChange is told.
type changes struct {
	mu   sync.Mutex
	list []failover.State
	when []time.Time
}

func (c *changes) add(_, to failover.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list, c.when = append(c.list, to), append(c.when, time.Now())
}

func (c *changes) all() []failover.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]failover.State(nil), c.list...)
}
