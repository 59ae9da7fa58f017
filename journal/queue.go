package journal

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// mostQueued bounds the rows that wait. Who has more is behind, and reads them
// again.
const mostQueued = 65_536

// waiting is a row that may have to be applied.
type waiting struct {
	Row
	position Position
	due      time.Time
	claimed  bool // by another server: only if it does not
}

type rowKey struct {
	transaction uint64
	id          int64
}

// queue has the rows that arrived and were not dealt with yet.
type queue struct {
	wake chan struct{} // holds one if there may be something to do sooner

	mu     sync.Mutex
	rows   []waiting
	behind bool       // the rows are not all: look into the journal
	done   []Position // dealt with, in order, beyond what the marks say
	own    map[rowKey]struct{}
	recent []rowKey // of own, oldest first
}

func (q *queue) init() {
	q.wake = make(chan struct{}, 1)
	q.own = map[rowKey]struct{}{}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// arrived returns the subscriber. Rows are due after the grace, not in step with
// the other servers: the first one that looks does the work for all.
func (q *queue) arrived(grace time.Duration, identity func() Identity) func([]Row) {
	return func(rows []Row) {
		now := time.Now()
		journal := identity()
		q.mu.Lock()
		defer q.mu.Unlock()
		defer q.signal()
		for _, row := range rows {
			if row.ID == 0 || len(q.rows) >= mostQueued {
				q.giveUp()
			}
			if q.behind {
				return // whoever catches up reads them
			}
			w := waiting{Row: row, position: journal.at(row), due: now.Add(grace + rand.N(grace))}
			if row.Outbox {
				w.due = now
			}
			q.rows = append(q.rows, w)
		}
	}
}

func (q *queue) giveUp() { q.behind, q.rows, q.done = true, nil, nil }

// fallBehind lets the next round look into the journal.
func (q *queue) fallBehind() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.giveUp()
	q.signal()
}

// isBehind takes what there is to catch up with: rows that arrive from here on
// are kept again.
func (q *queue) isBehind() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	behind := q.behind
	q.behind = false
	return behind
}

// take removes the rows that are due, without those that this process has
// applied itself, and says when the next are.
func (q *queue) take(now time.Time) (due []waiting, next time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	next = time.Hour
	q.rows = slices.DeleteFunc(q.rows, func(w waiting) bool {
		if _, own := q.own[rowKey{w.Transaction, w.ID}]; own {
			q.finish(w.position)
			return true
		}
		if left := w.due.Sub(now); left > 0 {
			next = min(next, left)
			return false
		}
		due = append(due, w)
		return true
	})
	if len(q.done) > 0 {
		next = min(next, 250*time.Millisecond) // for them to settle
	}
	return due, next
}

// putBack lets rows wait for another server.
func (q *queue) putBack(rows []waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.behind {
		q.rows = append(q.rows, rows...)
	}
}

// finished counts rows as dealt with.
func (q *queue) finished(rows []waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range rows {
		q.finish(w.position)
	}
}

func (q *queue) finish(p Position) {
	if at, found := slices.BinarySearchFunc(q.done, p, comparePositions); !found {
		q.done = slices.Insert(q.done, at, p)
	}
	if len(q.done) > mostPending {
		q.done = slices.Delete(q.done, 0, 1)
	}
}

// applied remembers rows that this process has applied.
func (q *queue) applied(transaction uint64, first, last int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id := first; id <= last; id++ {
		key := rowKey{transaction, id}
		q.own[key] = struct{}{}
		q.recent = append(q.recent, key)
	}
	for len(q.recent) > mostRecent {
		delete(q.own, q.recent[0])
		q.recent = q.recent[1:]
	}
}

// mostRecent bounds what is remembered of what this process has applied.
const mostRecent = 8192

// claim returns the last position up to which every row has been dealt with, of
// those that are settled, and forgets them.
func (q *queue) claim(settled Position) (to Position, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.behind {
		return Position{}, false
	}
	n, exact := slices.BinarySearchFunc(q.done, settled, comparePositions)
	if exact {
		n++
	}
	for _, w := range q.rows {
		if at, _ := slices.BinarySearchFunc(q.done[:n], w.position, comparePositions); at < n {
			n = at
		}
	}
	if n == 0 {
		return Position{}, false
	}
	to = q.done[n-1]
	q.done = slices.Delete(q.done, 0, n)
	return to, true
}
