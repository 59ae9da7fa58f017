package fragment

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
)

// locks lets one render of a key run while the others wait for its bytes.
//
// Renders nest, so waiting can close a circle: one render holds A and wants B,
// another holds B and wants A. Whoever would close it renders without a lock.
// Not waiting while nested would be simpler, but then 100 users whose own
// fragments share an inner one render that one 100 times.
type locks struct {
	timeout    time.Duration // that one render waits in total
	maxWaiters int           // a key

	// ended counts renders that are over. While it stands still since a
	// lookup, nothing can have been stored by this process since then.
	ended atomic.Uint64

	mu      sync.Mutex
	running map[cache.Key]*flight
}

// owner is one render of a page: everything that is locked or waited for in it
// belongs to it. Its fields are guarded by locks.mu.
type owner struct {
	waits []*flight
	spent time.Duration

	ended atomic.Uint64 // of locks.ended, those of this render; not guarded
}

// flight is one render of a key. Result is set before done is closed.
type flight struct {
	key     cache.Key
	owner   *owner
	waiters int
	done    chan struct{}
	result  flightResult
}

// flightResult is what a render leaves to those who waited.
type flightResult struct {
	state flightState
	text  live.Text
	deps  cache.Deps
}

type flightState uint8

const (
	flightFailed  flightState = iota // nobody got anything: one waiter takes over
	flightStored                     // body and deps are good for others
	flightAlone                      // private, or not known to be fresh: everybody renders
	flightOmitted                    // there was none: render without a lock
)

const (
	maxHandovers  = 2    // failed leaders that one render waits for
	maxGraphSteps = 1000 // owners looked at before a circle is assumed
)

// acquire returns a flight that the caller leads and must finish, or else what
// another render left. An error is that of ctx while waiting.
func (l *locks) acquire(ctx context.Context, o *owner, key cache.Key) (*flight, flightResult, error) {
	for try := 0; ; try++ {
		lead, wait, left := l.join(o, key, try)
		if wait == nil {
			return lead, flightResult{state: flightOmitted}, nil
		}
		err := l.wait(ctx, o, wait, left)
		if err != nil {
			return nil, flightResult{}, err
		}
		select {
		case <-wait.done:
		default: // timed out
			return nil, flightResult{state: flightOmitted}, nil
		}
		if wait.result.state != flightFailed {
			return nil, wait.result, nil
		}
	}
}

// join makes the caller lead the flight of key, or registers it as waiting. Two
// nils mean: neither.
func (l *locks) join(o *owner, key cache.Key, try int) (lead, wait *flight, left time.Duration) {
	if l.timeout <= 0 {
		return nil, nil, 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.running[key]
	if f == nil {
		f = &flight{key: key, owner: o, done: make(chan struct{})}
		l.running[key] = f
		return f, nil, 0
	}
	left = l.timeout - o.spent
	if try > maxHandovers || left <= 0 || f.waiters >= l.maxWaiters || closesCircle(o, f) {
		return nil, nil, 0
	}
	f.waiters++
	o.waits = append(o.waits, f)
	return nil, f, left
}

// try is acquire for who does not wait: busy says that another render has it.
// Without locks it gets neither.
func (l *locks) try(o *owner, key cache.Key) (lead *flight, busy bool) {
	if l.timeout <= 0 {
		return nil, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[key] != nil {
		return nil, true
	}
	lead = &flight{key: key, owner: o, done: make(chan struct{})}
	l.running[key] = lead
	return lead, false
}

func (l *locks) wait(ctx context.Context, o *owner, f *flight, left time.Duration) (err error) {
	started := time.Now()
	timer := time.NewTimer(left)
	select {
	case <-f.done:
	case <-timer.C:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	f.waiters--
	o.spent += time.Since(started)
	if i := slices.Index(o.waits, f); i >= 0 {
		o.waits = slices.Delete(o.waits, i, i+1)
	}
	return err
}

// end counts a render that is over.
func (l *locks) end(o *owner) {
	o.ended.Add(1)
	l.ended.Add(1)
}

// finish gives the result to the waiters and lets the next render lead.
func (l *locks) finish(f *flight, result flightResult) {
	f.result = result
	l.end(f.owner) // before the next render can lead
	l.mu.Lock()
	if l.running[f.key] == f {
		delete(l.running, f.key)
	}
	l.mu.Unlock()
	close(f.done)
}

// closesCircle follows "owner waits for flight, flight belongs to owner" from f
// and reports whether that leads back to o. It is called with the lock held, so
// it gives up after a bounded number of steps.
func closesCircle(o *owner, f *flight) bool {
	var seen [16]*owner
	visited, todo := seen[:0], []*owner{f.owner}
	for len(todo) > 0 {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if next == o || len(visited) >= maxGraphSteps {
			return true
		}
		if slices.Contains(visited, next) {
			continue
		}
		visited = append(visited, next)
		for _, w := range next.waits {
			todo = append(todo, w.owner)
		}
	}
	return false
}
