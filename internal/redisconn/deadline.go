package redisconn

import (
	"context"
	"sync/atomic"
	"time"
)

// deadlines bounds contexts. Calls that follow each other under one context
// share what it becomes: a context and a timer for each were a fifth of what
// reading 4 KiB took.
type deadlines struct {
	// grain is how much earlier than asked for a context may end.
	grain time.Duration
	seen  atomic.Value // the Done channel of the call before
	last  atomic.Pointer[bounded]
}

// bounded is a context that several calls share. It ends by itself.
type bounded struct {
	context.Context
	of    <-chan struct{} // the Done channel of the calls' own context
	limit time.Time
	stop  context.CancelFunc // never called: somebody may still use it
}

// within returns a context that ends with ctx and at limit, or earlier than
// that by less than the grain; it need not have the values of ctx. stop has to
// be called.
func (d *deadlines) within(ctx context.Context, limit time.Time) (_ context.Context, stop context.CancelFunc) {
	of := ctx.Done()
	last := d.last.Load()
	if last != nil && last.of == of && !limit.Before(last.limit) && limit.Sub(last.limit) < d.grain {
		return last.Context, nothing
	}
	if of != nil && d.seen.Swap(of) != of {
		return context.WithDeadline(ctx, limit) // perhaps the only call under ctx
	}
	next := &bounded{of: of, limit: limit}
	next.Context, next.stop = context.WithDeadline(ctx, limit)
	d.last.Store(next)
	return next.Context, nothing
}

func nothing() {}
