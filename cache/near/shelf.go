package near

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/echoic-go/echoic/cache/internal/bounded"
)

// item is one value. It is never changed once it is on a shelf: readers hold it
// without a lock.
type item struct {
	value   any
	era     uint64 // in which it was read; in another one it is a miss
	expires int64  // nanoseconds on the shelf's clock
	size    int64  // bytes that it counts for, key and bookkeeping included
}

// overhead is what an item needs besides key and value: 150 to 190 bytes for
// otter and the item itself, as package memory has measured, and some for the
// size classes of the heap.
const overhead = 256

// shelf is a bounded map of items. What has to go is chosen by W-TinyLFU.
type shelf struct {
	live   atomic.Pointer[otter.Cache[string, *item]] // nil once closed
	clock  *bounded.Clock
	limits bounded.Limits

	bytes     atomic.Int64
	evictions atomic.Uint64

	// Otter's maintenance runs beside the calls that make it necessary; close
	// waits for it.
	mu     sync.Mutex
	closed bool
	tasks  sync.WaitGroup
}

func newShelf(l bounded.Limits, now func() time.Time) (*shelf, error) {
	s := &shelf{clock: bounded.NewClock(now), limits: l}
	c, err := otter.New(&otter.Options[string, *item]{
		MaximumWeight:    uint64(l.Most),
		Weigher:          func(_ string, it *item) uint32 { return l.Weight(it.size) },
		ExpiryCalculator: otter.ExpiryWritingFunc(lifetime),
		OnAtomicDeletion: s.removed,
		Clock:            s.clock,
		Executor:         s.execute,
	})
	if err != nil {
		return nil, fmt.Errorf("near: %w", err)
	}
	s.live.Store(c)
	return s, nil
}

// lifetime tells otter when an item expires. Zero or less would mean never to
// otter, and comes up when the last millisecond passed on the way here.
func lifetime(e otter.Entry[string, *item]) time.Duration {
	return time.Duration(max(e.Value.expires-e.SnapshotAtNano, 1))
}

// removed keeps count. Otter calls it for everything that leaves, whether it is
// replaced, deleted, expired or evicted.
func (s *shelf) removed(e otter.DeletionEvent[string, *item]) {
	s.bytes.Add(-e.Value.size)
	if e.Cause == otter.CauseOverflow {
		s.evictions.Add(1)
	}
}

// get returns nil for a miss.
func (s *shelf) get(key string) *item {
	c := s.live.Load()
	if c == nil {
		return nil
	}
	it, _ := c.GetIfPresent(key)
	return it
}

// newItem returns nil for what is too large.
func (s *shelf) newItem(key string, value any, size int, ttl time.Duration, era uint64) *item {
	bytes := int64(len(key)) + int64(max(size, 0)) + overhead
	if bytes > s.limits.Bytes {
		return nil
	}
	return &item{value: value, era: era, expires: s.clock.NowNano() + int64(ttl), size: bytes}
}

func (s *shelf) put(key string, it *item) bool {
	c := s.live.Load()
	if c == nil {
		return false
	}
	s.bytes.Add(it.size) // before it is there: it may be evicted at once
	c.Set(key, it)
	return true
}

func (s *shelf) drop(key string) {
	if c := s.live.Load(); c != nil {
		c.Invalidate(key)
	}
}

// trim is called after a put. Another goroutine may have been at the upkeep when
// the put was over the bounds, so it looks again.
func (s *shelf) trim() {
	if c := s.live.Load(); c != nil && s.over(c) {
		c.CleanUp()
	}
}

func (s *shelf) over(c *otter.Cache[string, *item]) bool {
	return s.bytes.Load() > s.limits.Bytes || (c != nil && c.EstimatedSize() > s.limits.Entries)
}

// execute is the executor of otter. While the shelf is over one of its bounds
// the writer does the work, and so evicts what it has to: left to other
// goroutines, a burst of writes could exceed the bounds by hundreds of items.
func (s *shelf) execute(task func()) {
	if s.over(s.live.Load()) {
		task()
		return
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		task()
		return
	}
	s.tasks.Go(task)
	s.mu.Unlock()
}

// len may count some that have expired or are of an earlier era.
func (s *shelf) len() int {
	if c := s.live.Load(); c != nil {
		return c.EstimatedSize()
	}
	return 0
}

func (s *shelf) weight() int64 {
	if s.live.Load() == nil {
		return 0
	}
	return max(s.bytes.Load(), 0)
}

// close may be called once.
func (s *shelf) close() {
	c := s.live.Swap(nil)
	c.StopAllGoroutines()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.tasks.Wait()
	s.clock.Stop()
}
