package failover

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// mostDirty is how many keys are remembered one by one.
const mostDirty = 10_000

// settled is when a write that was given up while the breaker was, and stayed,
// closed is over: what was written later on the same connection came later.
const settled = 10 * time.Second

// dirty are the keys that the primary has to forget before it is trusted again.
type dirty struct {
	mu   sync.Mutex
	keys map[string]time.Time // when they were remembered
	over bool                 // there were too many: all of them
}

func newDirty() *dirty { return &dirty{keys: make(map[string]time.Time)} }

func (d *dirty) add(key string, closed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if len(d.keys) >= mostDirty && closed {
		maps.DeleteFunc(d.keys, func(_ string, at time.Time) bool { return now.Sub(at) > settled })
	}
	if _, there := d.keys[key]; !there && len(d.keys) >= mostDirty {
		d.over = true
		return
	}
	d.keys[key] = now
}

// take empties the set, and returns what was in it.
func (d *dirty) take() (keys []string, over bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	keys, over = slices.Collect(maps.Keys(d.keys)), d.over
	d.keys, d.over = make(map[string]time.Time), false
	return keys, over
}

// putBack is for what could not be forgotten yet.
func (d *dirty) putBack(keys []string, over bool) {
	for _, key := range keys {
		d.add(key, false)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = d.over || over
}

func (d *dirty) size() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return mostDirty + 1
	}
	return len(d.keys)
}

// remember adds the keys of a change to those that the primary has to forget.
func (s *Store) remember(c *change) {
	closed := s.State() == Closed
	for i := range c.len() {
		key := c.at(i)
		switch kindOf(s.cfg.Prefix, key) {
		case lock:
			continue // ends by itself
		case control:
			// Purges are in the journal. Without one a token or generation
			// that is missing is as good as one that was renewed. The counter
			// of purges may run on.
			if s.cfg.Journal != nil || c.mild || c.counts {
				continue
			}
		}
		s.dirty.add(key, closed)
	}
}
