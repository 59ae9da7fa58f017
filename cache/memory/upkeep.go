package memory

import (
	"sync"

	"github.com/maypok86/otter/v2"
)

// upkeep runs otter's maintenance beside the calls that make it necessary, and
// lets Close wait for it. Done within the calls it would double the time of a
// page hit.
type upkeep struct {
	mu     sync.Mutex
	closed bool
	tasks  sync.WaitGroup
}

// run must neither block nor drop a task: once closed it runs them on the
// goroutine of the last calls.
func (u *upkeep) run(task func()) {
	u.mu.Lock()
	if u.closed {
		u.mu.Unlock()
		task()
		return
	}
	u.tasks.Go(task)
	u.mu.Unlock()
}

func (u *upkeep) close() {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	u.tasks.Wait()
}

// execute is the executor of otter. While the store is over one of its bounds
// the writer does the work, and so evicts what it has to: left to other
// goroutines, a burst of writes could exceed the bounds by hundreds of entries.
func (s *Store) execute(task func()) {
	if s.over(s.live.Load()) {
		task()
		return
	}
	s.upkeep.run(task)
}

// wrote is called after every write. Another goroutine may have been at the
// upkeep when this one was over the bounds, so it looks again.
func (s *Store) wrote(c *otter.Cache[string, *entry]) {
	if s.over(c) {
		c.CleanUp()
	}
}

func (s *Store) over(c *otter.Cache[string, *entry]) bool {
	return s.bytes.Load() > s.limits.Bytes || (c != nil && c.EstimatedSize() > s.limits.Entries)
}
