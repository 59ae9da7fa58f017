package cachetest

import (
	"context"
	"errors"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// prompt is how long a call may take to notice that its context has ended.
const prompt = 2 * time.Second

// validationChecks are those that a store which keeps nothing passes too.
func validationChecks(caps Caps) []check {
	var checks []check
	for _, c := range calls(caps) {
		checks = append(checks, canceledCheck(c), deadlineCheck(c), closedCheck(c))
	}
	return append(checks,
		check{"CloseTwice", "Close is idempotent.", func(e *env) {
			store := e.make(e.T)
			for range 3 {
				e.ok("Close", store.Close())
			}
		}},
		check{"DeleteNothing", "Delete: no keys is fine.", func(e *env) {
			n, err := e.store.Delete(e.Context())
			e.ok("Delete()", err)
			if n != 0 {
				e.broken("Delete() = %d, want 0", n)
			}
		}},
		check{"Miss", "Absent and expired both read as nil, false, nil.", func(e *env) {
			e.absent(e.key("never stored"))
		}},
	)
}

// canceledCheck sees to it that the call has no effect either: the key still
// holds what it held, and the one beside it nothing.
func canceledCheck(c call) check {
	return check{
		"Canceled/" + c.name,
		"Every call honours the deadline and cancellation of its context.",
		func(e *env) {
			key := e.key("counter")
			e.set(key, "5", cache.Forever)
			e.endedContext(c, key, e.canceled(), context.Canceled)
			if e.caps.Null {
				return
			}
			e.holds(key, "5")
			e.absent(key + "-new")
			if x, ok := e.store.(cache.Expirer); ok {
				ttl, found, err := x.TTL(e.Context(), key)
				e.ok("TTL", err)
				if !found || ttl != cache.Forever {
					e.broken("a cancelled %s changed the lifetime to %v, %v", c.name, ttl, found)
				}
			}
		},
	}
}

func deadlineCheck(c call) check {
	return check{
		"Deadline/" + c.name,
		"Every call honours the deadline and cancellation of its context.",
		func(e *env) {
			ctx, cancel := context.WithDeadline(e.Context(), time.Now().Add(-time.Second))
			defer cancel()
			e.endedContext(c, e.key("counter"), ctx, context.DeadlineExceeded)
		},
	}
}

func (e *env) endedContext(c call, key string, ctx context.Context, want error) {
	e.Helper()
	begin := time.Now()
	err := c.do(ctx, e.store, key)
	if took := time.Since(begin); took > prompt {
		e.broken("%s with a context that had ended took %v", c.name, took)
	}
	if !errors.Is(err, want) {
		e.broken("%s with a context that had ended returned %v, want an error that wraps %q", c.name, err, want)
	}
}

func closedCheck(c call) check {
	return check{
		"Closed/" + c.name,
		"After Close every call returns an error that wraps ErrClosed.",
		func(e *env) {
			store := e.fresh()
			e.ok("Close", store.Close())
			if err := c.do(e.Context(), store, e.key("counter")); !errors.Is(err, cache.ErrClosed) {
				e.broken("%s after Close returned %v, want an error that wraps %q", c.name, err, cache.ErrClosed)
			}
		},
	}
}
