package breaker

import (
	"sync"
	"sync/atomic"
	"time"
)

// Judge judges a server by the calls it gets. An answer costs two atomic
// operations; all else is on the path of failures. It is safe for concurrent use.
type Judge struct {
	window   time.Duration
	begin    time.Time
	last     atomic.Int64 // nanoseconds from begin to the last answer
	answered atomic.Int64 // calls
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

// NewJudge returns one to whom so many failures within window are too many.
func NewJudge(failures int, window time.Duration) *Judge {
	return &Judge{window: window, begin: time.Now(), recent: make([]failure, failures)}
}

// OK counts an answer.
func (j *Judge) OK(at time.Time) {
	j.answered.Add(1)
	j.last.Store(int64(at.Sub(j.begin)))
}

// Failed counts a failure, and reports whether that is enough to open.
//
// A late call is enough if nobody else got an answer since it began: then all
// that is known says that the server is away. Otherwise it is one among others,
// and counts as a call does that was refused: so many within the window are
// enough if they are at least half of all.
func (j *Judge) Failed(began, at time.Time, late bool) bool {
	if late {
		j.late.Add(1)
		if j.last.Load() <= int64(began.Sub(j.begin)) {
			return true
		}
	} else {
		j.refused.Add(1)
	}
	return j.enough(at)
}

// Slow counts a call that returned long after its end. It may have been this
// process that did not get to run, so it is never enough by itself.
func (j *Judge) Slow(at time.Time) bool {
	j.late.Add(1)
	return j.enough(at)
}

// enough puts a failure into the ring, and reports whether it is one too many.
func (j *Judge) enough(at time.Time) bool {
	answered := j.answered.Load()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.recent[j.next] = failure{at, answered}
	j.next = (j.next + 1) % len(j.recent)
	oldest := j.recent[j.next]
	return !oldest.at.IsZero() && at.Sub(oldest.at) <= j.window && answered-oldest.answered <= int64(len(j.recent))
}

// Reset forgets the failures: a new life begins.
func (j *Judge) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	clear(j.recent)
}

// Counts returns how many calls were answered, given up, and refused.
func (j *Judge) Counts() (answered, late, refused int64) {
	return j.answered.Load(), j.late.Load(), j.refused.Load()
}
