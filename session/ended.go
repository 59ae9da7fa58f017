package session

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// ended remembers sessions of which the journal says that they are over. A store
// that can be read but not written to, a replica for example, still has them.
type ended struct {
	any  atomic.Bool
	mu   sync.Mutex
	over map[string]time.Time // by key of the store: until when it is remembered
}

const (
	// mostEnded bounds what is remembered: about a hundred bytes each.
	mostEnded = 100_000
	// rememberEnded is longer than a session lives.
	rememberEnded = 31 * 24 * time.Hour
)

// add remembers the keys until the given instant.
func (e *ended) add(keys []string, now, until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over == nil {
		e.over = make(map[string]time.Time)
	}
	for _, key := range keys {
		if _, known := e.over[key]; !known && len(e.over) >= mostEnded {
			e.makeRoom(now)
		}
		e.over[key] = until
	}
	e.any.Store(true)
}

// makeRoom forgets one at least: of a few, the one that has been there longest.
// It is called with the lock held.
func (e *ended) makeRoom(now time.Time) {
	const look = 64
	var oldest string
	var when time.Time
	n := 0
	for key, until := range e.over {
		if until.Before(now) {
			delete(e.over, key)
			continue
		}
		if oldest == "" || until.Before(when) {
			oldest, when = key, until
		}
		if n++; n == look {
			break
		}
	}
	if len(e.over) >= mostEnded {
		delete(e.over, oldest)
	}
}

// has reports whether the session is over. While none is that is one load.
func (e *ended) has(key string) bool {
	if !e.any.Load() {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	_, over := e.over[key]
	return over
}

// Observe is told what the tail of the journal hears, by whichever server it was
// said: sessions that have ended are not found from then on, although their store
// may not have heard of it yet. It waits for nothing.
func (m *Manager) Observe(_ context.Context, list []cache.Invalidation) {
	var keys []string
	for _, i := range list {
		if i.Kind == cache.InvalidSession {
			keys = append(keys, i.Name)
		}
	}
	if len(keys) > 0 {
		now := time.Now()
		m.ended.add(keys, now, now.Add(rememberEnded))
	}
}
