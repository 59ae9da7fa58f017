package memory

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/internal/bounded"
)

// Store is a cache.Store inside the process, with all the extra powers that
// package cache knows. Nothing in it blocks, so a context matters only if it has
// ended before the call. It is safe for concurrent use.
type Store struct {
	live   atomic.Pointer[otter.Cache[string, *entry]] // nil after Close
	clock  *bounded.Clock
	limits bounded.Limits
	epoch  cache.Epoch

	upkeep    upkeep
	bytes     atomic.Int64
	evictions atomic.Uint64
	closing   sync.Mutex
}

var (
	_ cache.Store       = (*Store)(nil)
	_ cache.ManyStore   = (*Store)(nil)
	_ cache.Expirer     = (*Store)(nil)
	_ cache.Counter     = (*Store)(nil)
	_ cache.Swapper     = (*Store)(nil)
	_ cache.Lister      = (*Store)(nil)
	_ cache.ObjectStore = (*Store)(nil)
)

// New makes an empty store. A goroutine removes what has expired, once a second,
// and others come and go for the upkeep that reads and writes leave; Close stops
// them.
func New(cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{clock: bounded.NewClock(cfg.Now), limits: bounded.NewLimits(cfg.MaxEntries, cfg.MaxBytes)}
	c, err := otter.New(&otter.Options[string, *entry]{
		MaximumWeight:    uint64(s.limits.Most),
		Weigher:          func(_ string, e *entry) uint32 { return s.limits.Weight(e.size) },
		ExpiryCalculator: otter.ExpiryWritingFunc(lifetime),
		OnAtomicDeletion: s.removed,
		Clock:            s.clock,
		Executor:         s.execute,
	})
	if err != nil {
		return nil, fmt.Errorf("memory: %w", err)
	}
	s.live.Store(c)
	return s, nil
}

// lifetime tells otter when an entry expires. Zero or less would mean never to
// otter, and comes up when the last millisecond passed on the way here.
func lifetime(e otter.Entry[string, *entry]) time.Duration {
	if e.Value.expires == never {
		return never
	}
	return time.Duration(max(e.Value.expires-e.SnapshotAtNano, 1))
}

// removed keeps count. Otter calls it for everything that leaves, whether it is
// replaced, deleted, expired or evicted.
func (s *Store) removed(e otter.DeletionEvent[string, *entry]) {
	s.bytes.Add(-e.Value.size)
	if e.Cause == otter.CauseOverflow {
		s.evictions.Add(1)
	}
}

// open returns the live cache, or why a call must fail.
func (s *Store) open(ctx context.Context) (*otter.Cache[string, *entry], error) {
	c := s.live.Load()
	if c == nil {
		return nil, fmt.Errorf("memory: %w", cache.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Get implements cache.Store. It allocates nothing: the slice is the stored one.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	c, err := s.open(ctx)
	if err != nil {
		return nil, false, err
	}
	e, ok := c.GetIfPresent(key)
	if !ok || e.isObject {
		return nil, false, nil
	}
	return e.bytes, true, nil
}

// Set implements cache.Store. A value above Config.MaxBytes is not stored; what
// it would have replaced is removed, since it is out of date.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (stored bool, err error) {
	c, err := s.open(ctx)
	if err != nil {
		return false, err
	}
	return s.put(c, key, s.newEntry(key, value, ttl), when), nil
}

func (s *Store) put(c *otter.Cache[string, *entry], key string, e *entry, when cache.When) bool {
	if e.size > s.limits.Bytes {
		if when != cache.IfAbsent {
			c.Invalidate(key)
		}
		return false
	}
	stored := true
	s.bytes.Add(e.size) // before it is there: it may be evicted at once
	switch when {
	case cache.Always:
		c.Set(key, e)
	case cache.IfAbsent:
		_, stored = c.SetIfAbsent(key, e)
	default:
		stored = false
		c.ComputeIfPresent(key, func(*entry) (*entry, otter.ComputeOp) {
			stored = true
			return e, otter.WriteOp
		})
	}
	if !stored {
		s.bytes.Add(-e.size)
		return false
	}
	s.wrote(c)
	return true
}

// Delete implements cache.Store.
func (s *Store) Delete(ctx context.Context, keys ...string) (removed int, err error) {
	c, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	for _, key := range keys {
		if _, ok := c.Invalidate(key); ok {
			removed++
		}
	}
	return removed, nil
}

// Close forgets everything, stops the store's goroutines and waits for them.
// Calls that are running end as if they had come before. It is idempotent.
func (s *Store) Close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	if c := s.live.Swap(nil); c != nil {
		c.StopAllGoroutines()
		s.upkeep.close()
		s.clock.Stop()
	}
	return nil
}

// Len returns the number of values held. It may count some that have expired and
// not been removed yet, which nobody can read any more. Zero after Close.
func (s *Store) Len() int {
	if c := s.live.Load(); c != nil {
		return c.EstimatedSize()
	}
	return 0
}

// Bytes returns what the values count for against Config.MaxBytes, with their
// keys and bookkeeping. It counts what Len counts. Zero after Close.
func (s *Store) Bytes() int64 {
	if s.live.Load() != nil {
		return max(s.bytes.Load(), 0)
	}
	return 0
}

// Evictions returns how many values had to go to keep the bounds, since New.
// Those that expired are not among them.
func (s *Store) Evictions() uint64 { return s.evictions.Load() }
