package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// flights lets concurrent callers in this process share one run of a loader.
type flights struct {
	mu   sync.Mutex
	m    map[string]*flight   // that others may join
	own  map[string][]*flight // of one caller each
	done uint64               // flights that have ended
}

// flight is one run. Its result fields are written before done is closed.
type flight struct {
	base    string
	done    chan struct{}
	begun   time.Time
	seen    ticket // what the leader knew of when it began
	outdate bool   // guarded by flights.mu: the key was written or deleted meanwhile

	codec byte
	plain []byte // the encoded value, decoded anew for every waiter
	deps  Deps
	err   error
	share bool // false: every waiter has to load for itself
	found bool // nothing was loaded: the value is in the store by now
	solo  bool // it asks for no lease: what others fill does not stay

	outcome Outcome // of the load, for other servers that wait
}

// ended is how many flights have ended so far. Who finds it changed after a
// miss looks again: the value may have been stored in between.
func (f *flights) ended() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done
}

// join returns the flight of base. The one for whom it was created leads it.
func (f *flights) join(base string, seen ticket) (fl *flight, leads bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl = f.m[base]; fl != nil {
		return fl, false
	}
	if f.m == nil {
		f.m = make(map[string]*flight)
	}
	fl = &flight{base: base, seen: seen, begun: time.Now(), done: make(chan struct{})}
	f.m[base] = fl
	return fl, true
}

// alone returns a flight that nobody joins. land must be called.
func (f *flights) alone(base string) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.own == nil {
		f.own = make(map[string][]*flight)
	}
	fl := &flight{base: base, begun: time.Now(), done: make(chan struct{})}
	f.own[base] = append(f.own[base], fl)
	return fl
}

// forget makes what is in the air for the keys neither shared with later
// callers nor stored: the keys have been written or deleted since it began.
func (f *flights) forget(bases ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, base := range bases {
		if fl := f.m[base]; fl != nil {
			fl.outdate = true
			delete(f.m, base)
		}
		for _, fl := range f.own[base] {
			fl.outdate = true
		}
	}
}

func (f *flights) outdated(fl *flight) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fl.outdate
}

// land ends the flight and wakes who waits.
func (f *flights) land(fl *flight) {
	f.mu.Lock()
	f.done++
	if f.m[fl.base] == fl {
		delete(f.m, fl.base)
	}
	if own := f.own[fl.base]; len(own) > 0 {
		own = slices.DeleteFunc(own, func(other *flight) bool { return other == fl })
		if f.own[fl.base] = own; len(own) == 0 {
			delete(f.own, fl.base)
		}
	}
	f.mu.Unlock()
	close(fl.done)
}

// PanicError is a loader that panicked. Everybody who waited for it gets it.
type PanicError struct {
	Key   string
	Value any    // what it panicked with
	Stack []byte // where
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("cache: loader of %q panicked: %v", e.Key, e.Value)
}

// Unwrap returns the value that the loader panicked with, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// guard runs f and turns a panic into an error, and runtime.Goexit too.
func guard(key string, f func() error) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover()
		if v == nil {
			v = "runtime.Goexit was called"
		}
		err = &PanicError{Key: key, Value: v, Stack: debug.Stack()}
	}()
	err = f()
	returned = true
	return err
}

type loadingKey struct{}

// loading is the chain of loaders that a context runs under.
type loading struct {
	cache  *Cache
	base   string
	parent *loading
}

// enterLoad returns the context for a loader of base, or an error if it would
// wait for itself.
func (c *Cache) enterLoad(ctx context.Context, base, key string) (context.Context, error) {
	parent, _ := ctx.Value(loadingKey{}).(*loading)
	for l := parent; l != nil; l = l.parent {
		if l.cache == c && l.base == base {
			return nil, fmt.Errorf("cache: the loader of %q asks for the same key: it would wait for itself", key)
		}
	}
	return context.WithValue(ctx, loadingKey{}, &loading{cache: c, base: base, parent: parent}), nil
}
