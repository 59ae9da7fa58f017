package ratelimit

import (
	"sync"
	"time"
)

const (
	// enoughFailures within failureWindow are too many, whatever else succeeds.
	enoughFailures = 3
	failureWindow  = time.Second
)

// breaker judges the store by the decisions it was asked for.
type breaker struct {
	mu     sync.Mutex
	lastOK time.Time
	recent [enoughFailures]time.Time // a ring
	next   int
}

func (b *breaker) ok(at time.Time) {
	b.mu.Lock()
	if at.After(b.lastOK) {
		b.lastOK = at
	}
	b.mu.Unlock()
}

// failed counts a failure, and reports whether that is enough: nobody has got an
// answer since the one who failed has asked, or there were several lately.
func (b *breaker) failed(began, at time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recent[b.next] = at
	b.next = (b.next + 1) % len(b.recent)
	oldest := b.recent[b.next]
	return !b.lastOK.After(began) || !oldest.IsZero() && at.Sub(oldest) <= failureWindow
}

// reset forgets the failures.
func (b *breaker) reset(at time.Time) {
	b.mu.Lock()
	b.lastOK, b.recent = at, [enoughFailures]time.Time{}
	b.mu.Unlock()
}
