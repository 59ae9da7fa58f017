package journal

import (
	"context"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// mostRows is what one statement writes, unless one call alone has more.
const mostRows = 4096

// batcher writes what arrives while it is writing with the next statement. One
// commit makes all of it durable, and one notification wakes the readers, which
// Postgres sends one transaction at a time.
type batcher struct {
	write func(context.Context, []cache.Invalidation) (transaction uint64, ids []int64, err error)

	mu      sync.Mutex
	waiting []*call
	running bool
	tasks   sync.WaitGroup
}

// call is one Append. done is closed when receipt and err are set.
type call struct {
	ctx     context.Context // only until the call returns
	list    []cache.Invalidation
	done    chan struct{}
	receipt cache.Receipt
	err     error
}

func (b *batcher) append(ctx context.Context, list []cache.Invalidation) (cache.Receipt, error) {
	c := &call{ctx: ctx, list: list, done: make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, c)
	if !b.running {
		b.running = true
		b.tasks.Go(b.run)
	}
	b.mu.Unlock()
	select {
	case <-c.done:
		return c.receipt, c.err
	case <-ctx.Done():
		return cache.Receipt{}, ctx.Err()
	}
}

// run writes until nobody waits.
func (b *batcher) run() {
	for {
		calls, rows := b.take()
		if calls == nil {
			return
		}
		if len(rows) > 0 {
			b.writeAll(calls, rows)
		}
	}
}

// take returns the calls of the next statement, without those that nobody waits
// for any more.
func (b *batcher) take() (calls []*call, rows []cache.Invalidation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.running = false
		return nil, nil
	}
	calls = make([]*call, 0, len(b.waiting))
	for len(b.waiting) > 0 {
		c := b.waiting[0]
		if len(calls) > 0 && len(rows)+len(c.list) > mostRows {
			break
		}
		b.waiting = b.waiting[1:]
		if c.ctx.Err() == nil {
			calls, rows = append(calls, c), append(rows, c.list...)
		}
	}
	return calls, rows
}

// writeAll is bounded by the last deadline of those that wait.
func (b *batcher) writeAll(calls []*call, rows []cache.Invalidation) {
	var deadline time.Time
	for _, c := range calls {
		if d, ok := c.ctx.Deadline(); ok && d.After(deadline) {
			deadline = d
		} else if !ok {
			deadline = time.Now().Add(patience)
			break
		}
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	transaction, ids, err := b.write(ctx, rows)
	for _, c := range calls {
		if err == nil {
			n := len(c.list)
			c.receipt = cache.Receipt{Transaction: transaction, First: ids[0], Last: ids[n-1]}
			ids = ids[n:]
		}
		c.err = err
		close(c.done)
	}
}

// wait returns when nothing is being written. Nothing may be appended any more.
func (b *batcher) wait() { b.tasks.Wait() }
