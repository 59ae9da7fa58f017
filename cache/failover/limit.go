package failover

import (
	"context"
	"sync"
	"time"
)

// limited is a context that ends at a deadline, and costs nothing but itself
// until somebody asks for its channel: a timer for every call that is answered in
// some microseconds would be the dearest part of it.
type limited struct {
	context.Context
	deadline time.Time

	mu     sync.Mutex
	inner  context.Context // made by Done
	cancel context.CancelFunc
	over   bool
}

// limit returns ctx with an end at deadline, or at its own if that is earlier.
// end must be called.
func limit(ctx context.Context, deadline time.Time) *limited {
	if own, ok := ctx.Deadline(); ok && own.Before(deadline) {
		deadline = own
	}
	return &limited{Context: ctx, deadline: deadline}
}

// end frees what the context holds.
func (c *limited) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.cancel != nil {
		c.cancel()
	}
}

// Deadline implements context.Context.
func (c *limited) Deadline() (time.Time, bool) { return c.deadline, true }

// Done implements context.Context.
func (c *limited) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		c.inner, c.cancel = context.WithDeadline(c.Context, c.deadline)
		if c.over {
			c.cancel()
		}
	}
	return c.inner.Done()
}

// Err implements context.Context.
func (c *limited) Err() error {
	c.mu.Lock()
	inner, over := c.inner, c.over
	c.mu.Unlock()
	if inner != nil {
		return inner.Err()
	}
	if err := c.Context.Err(); err != nil {
		return err
	}
	if !time.Now().Before(c.deadline) {
		return context.DeadlineExceeded
	}
	if over {
		return context.Canceled
	}
	return nil
}

// Value implements context.Context. Through it package context finds the inner
// context whose channel Done returned, and hangs children onto that instead of
// starting a goroutine for each.
func (c *limited) Value(key any) any {
	c.mu.Lock()
	inner := c.inner
	c.mu.Unlock()
	if inner != nil {
		return inner.Value(key)
	}
	return c.Context.Value(key)
}
