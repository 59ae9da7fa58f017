package fragment

import (
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// unshared remembers for a while the keys whose renders could not be shared, so
// that the next readers do not queue for something they will not get.
type unshared struct {
	mu    sync.RWMutex
	until map[cache.Key]time.Time
}

const (
	unsharedMax    = 4096
	privateMemory  = 30 * time.Second // a private fragment
	unstoredMemory = time.Second      // one that was not stored for another reason
)

func (u *unshared) has(key cache.Key, now time.Time) bool {
	u.mu.RLock()
	defer u.mu.RUnlock()
	until, ok := u.until[key]
	return ok && now.Before(until)
}

func (u *unshared) add(key cache.Key, now time.Time, d time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.until) >= unsharedMax {
		u.shrink(now)
	}
	u.until[key] = now.Add(d)
}

// shrink drops what is over, and everything if that is not enough: forgetting
// costs some waiting, remembering all would cost memory without bound.
func (u *unshared) shrink(now time.Time) {
	for key, until := range u.until {
		if !now.Before(until) {
			delete(u.until, key)
		}
	}
	if len(u.until) >= unsharedMax {
		clear(u.until)
	}
}

func (u *unshared) remove(key cache.Key) {
	u.mu.RLock()
	_, ok := u.until[key]
	u.mu.RUnlock()
	if ok {
		u.mu.Lock()
		delete(u.until, key)
		u.mu.Unlock()
	}
}
