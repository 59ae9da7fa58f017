package failover

import (
	"sync"
	"sync/atomic"
	"time"
)

// breaker judges the primary by the calls it gets. An answer costs two atomic
// operations; all else is on the path of failures.
type breaker struct {
	window   time.Duration
	begin    time.Time
	answered atomic.Int64 // calls
	last     atomic.Int64 // nanoseconds from begin to the last answer
	late     atomic.Int64 // calls
	refused  atomic.Int64 // calls

	mu     sync.Mutex
	recent []failure // a ring: the last failures, each before the next
	next   int
}

// failure is when a call failed, and how many had been answered by then.
type failure struct {
	at       time.Time
	answered int64
}

func newBreaker(failures int, window time.Duration) *breaker {
	return &breaker{window: window, begin: time.Now(), recent: make([]failure, failures)}
}

// ok counts an answer.
func (b *breaker) ok(at time.Time) {
	b.answered.Add(1)
	b.last.Store(int64(at.Sub(b.begin)))
}

// failed counts a failure, and reports whether that is enough to open.
//
// A late call is enough if nobody else got an answer since it began: then all
// that is known says that the primary is away. Otherwise it is one among others,
// and counts as a call does that was refused: so many within the window are
// enough if they are at least half of all.
func (b *breaker) failed(began, at time.Time, late bool) bool {
	if late {
		b.late.Add(1)
		if b.last.Load() <= int64(began.Sub(b.begin)) {
			return true
		}
	} else {
		b.refused.Add(1)
	}
	return b.enough(at)
}

// slow counts a call that returned long after its end. It may have been this
// process that did not get to run, so it is never enough by itself.
func (b *breaker) slow(at time.Time) bool {
	b.late.Add(1)
	return b.enough(at)
}

// enough puts a failure into the ring, and reports whether it is one too many.
func (b *breaker) enough(at time.Time) bool {
	answered := b.answered.Load()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recent[b.next] = failure{at, answered}
	b.next = (b.next + 1) % len(b.recent)
	oldest := b.recent[b.next]
	return !oldest.at.IsZero() && at.Sub(oldest.at) <= b.window && answered-oldest.answered <= int64(len(b.recent))
}

// reset forgets the failures: a new life begins.
func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.recent)
}
