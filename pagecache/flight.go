package pagecache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// flights lets requests for one page that is not there wait for one answer.
type flights struct {
	mu sync.Mutex
	m  map[string]*flight
	// ended counts flights. Who finds it changed since before his lookup looks
	// again before he leads: the page may have been stored in between.
	ended  atomic.Uint64
	landed landings
}

// flight is one answer being made.
type flight struct {
	key     string
	done    chan struct{} // made when somebody waits; guarded by flights.mu
	begun   time.Time
	lookup  cache.Moment       // of the leader, who missed
	waiters int                // guarded by flights.mu
	abandon context.CancelFunc // guarded by flights.mu; set when the leader's client has gone

	// Written before done is closed.
	entry  *entry // what everybody may have, or nil
	final  bool   // the page is of the kind that cannot be shared
	failed bool   // the handler failed; set before it lands
	made   bool   // its own handler has answered
	kept   bool   // the answer is kept, or would be if the store were not away
}

// join returns the flight for key; who created it leads. A nil flight means
// that too many wait already.
func (f *flights) join(key string, lookup cache.Moment, limit int) (fl *flight, leads bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl = f.m[key]; fl != nil {
		if fl.waiters >= limit {
			return nil, false
		}
		if fl.waiters++; fl.done == nil {
			fl.done = make(chan struct{})
		}
		return fl, false
	}
	return f.create(key, lookup), true
}

// lead returns a new flight for key, nil if there is one.
func (f *flights) lead(key string) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.m[key] != nil {
		return nil
	}
	return f.create(key, cache.Moment{})
}

// create is called with the lock held.
func (f *flights) create(key string, lookup cache.Moment) *flight {
	if f.m == nil {
		f.m = make(map[string]*flight)
	}
	fl := &flight{key: key, lookup: lookup, begun: time.Now()}
	f.m[key] = fl
	return fl
}

// land ends a flight, once. A nil flight is a request that nobody waits for.
func (f *flights) land(fl *flight, e *entry, final bool) {
	if fl == nil {
		return
	}
	f.mu.Lock()
	if f.m[fl.key] != fl {
		f.mu.Unlock()
		return
	}
	fl.entry, fl.final = e, final
	if fl.made {
		f.landed.forget(fl.key)
	}
	if fl.kept && e != nil {
		f.landed.keep(fl)
	}
	f.ended.Add(1)
	delete(f.m, fl.key)
	done := fl.done
	f.mu.Unlock()
	if done != nil {
		close(done)
	}
}

// fail ends a flight whose handler failed: those who have a stale page serve it
// and do not ask the handler again.
func (f *flights) fail(fl *flight) {
	f.failing(fl)
	f.land(fl, nil, false)
}

// failing says so to those who wait. Those whom the header of the answer has sent
// away already read the flight at the same time: it has landed, and stays as it is.
func (f *flights) failing(fl *flight) {
	if fl == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.m[fl.key] == fl {
		fl.failed = true
	}
}

// leave says that a waiter goes without an answer. The last one takes the run
// along if its own client has gone as well.
func (f *flights) leave(fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.waiters--; fl.waiters == 0 && fl.abandon != nil {
		fl.abandon()
	}
}

// detach returns the context for a handler whose answer others wait for: it ends
// with its client's only if nobody else is left. release must be called.
func (f *flights) detach(parent context.Context, fl *flight) (ctx context.Context, release func()) {
	if fl == nil || parent.Done() == nil {
		return parent, func() {}
	}
	ctx = context.WithoutCancel(parent)
	var cancel context.CancelFunc
	if end, ok := parent.Deadline(); ok { // of the server's, not the client's
		ctx, cancel = context.WithDeadline(ctx, end)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	stop := context.AfterFunc(parent, func() {
		if parent.Err() == context.DeadlineExceeded {
			return // ctx has the same one, and ends by itself
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if fl.abandon = cancel; fl.waiters == 0 {
			cancel()
		}
	})
	return ctx, func() {
		stop()
		cancel()
	}
}
