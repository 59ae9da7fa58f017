package chaos

import (
	"fmt"
	"sync"
	"time"
)

// keptAcks is how long an acknowledgement is remembered singly. Of older ones
// the last counts for all.
const keptAcks = 30 * time.Second

// ack is a version that somebody was told is there.
type ack struct {
	version int64
	app     string // the life of an app that said so
	at      time.Time
	due     time.Time // from then on everybody has to see it
}

// History knows which versions of which keys were acknowledged, and so which
// are too old. A later version has a greater number. It is safe for concurrent
// use.
type History struct {
	mu      sync.Mutex
	keys    map[string][]ack
	stalest time.Duration
}

// NewHistory returns an empty history.
func NewHistory() *History { return &History{keys: map[string][]ack{}} }

// Acknowledge says that app has acknowledged version of key now. Within bound
// everybody has to see it, and the same life of the app at once.
func (h *History) Acknowledge(key string, version int64, app string, bound time.Duration) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	acks := h.keys[key]
	// What is old can be forgotten once there is another old one above it.
	for len(acks) > 1 && now.Sub(acks[1].at) > keptAcks && acks[1].version > acks[0].version {
		acks = acks[1:]
	}
	h.keys[key] = append(acks, ack{version, app, now, now.Add(bound)})
}

// Check returns an error if version is older than what a request to app that
// began at begun has to see.
func (h *History) Check(key string, version int64, app string, begun time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var wrong error
	for _, a := range h.keys[key] {
		if a.version <= version || a.at.After(begun) {
			continue
		}
		h.stalest = max(h.stalest, begun.Sub(a.at))
		if wrong == nil && (a.due.Before(begun) || a.app == app) {
			wrong = fmt.Errorf("%s has version %d on %s, but %d was acknowledged by %s %v before the request", key, version, app, a.version, a.app, begun.Sub(a.at).Round(time.Millisecond))
		}
	}
	return wrong
}

// Last returns the greatest version of key that was acknowledged.
func (h *History) Last(key string) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	var last int64
	for _, a := range h.keys[key] {
		last = max(last, a.version)
	}
	return last
}

// Stalest is the greatest age that Check has seen of a version that was out of
// date: how long before the request its successor had been acknowledged.
func (h *History) Stalest() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stalest
}
