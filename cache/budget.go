package cache

import (
	"context"
	"sync"
	"time"
)

// Budget is what one request may spend on stores outside the process, all its
// calls together. Time in which several calls run at once counts once. It is
// safe for concurrent use.
type Budget struct {
	mu     sync.Mutex
	left   time.Duration
	spent  time.Duration
	active int
	since  time.Time // of the oldest of the active calls
}

// BudgetKey is the context key of a *[Budget]. A context of one's own may answer
// it, with a budget that it makes when it is first asked.
type BudgetKey struct{}

// NewBudget returns one of d.
func NewBudget(d time.Duration) *Budget { return &Budget{left: d} }

// WithBudget returns a context under which all calls together may spend d on
// stores outside the process. A context that has a budget keeps it: whoever
// comes first in a request decides.
func WithBudget(ctx context.Context, d time.Duration) context.Context {
	if BudgetOf(ctx) != nil {
		return ctx
	}
	return context.WithValue(ctx, BudgetKey{}, NewBudget(d))
}

// BudgetOf returns the budget of ctx, nil if it has none.
func BudgetOf(ctx context.Context) *Budget {
	b, _ := ctx.Value(BudgetKey{}).(*Budget)
	return b
}

// ShareBudget gives ctx the budget of other: for work of the same request under
// another context.
func ShareBudget(ctx, other context.Context) context.Context {
	if b := BudgetOf(other); b != nil {
		return context.WithValue(ctx, BudgetKey{}, b)
	}
	return ctx
}

// withoutBudget is for work that a request leaves behind.
func withoutBudget(ctx context.Context) context.Context {
	if BudgetOf(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, BudgetKey{}, (*Budget)(nil))
}

// Spend begins a call to a store: it returns a context that ends when the budget
// is used up, and false if it is used up already. done ends the call; it must be
// called. Without a budget ctx comes back as it is.
func Spend(ctx context.Context) (within context.Context, done func(), ok bool) {
	b := BudgetOf(ctx)
	if b == nil {
		return ctx, func() {}, true
	}
	now := time.Now()
	left := b.begin(now)
	if left <= 0 {
		return ctx, func() {}, false
	}
	within, cancel := context.WithDeadline(ctx, now.Add(left))
	return within, func() {
		cancel()
		b.end(time.Now())
	}, true
}

// begin counts one more active call and returns what is left. Nothing is counted
// if that is nothing.
func (b *Budget) begin(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle(now)
	if b.left > 0 {
		b.active++
	}
	return b.left
}

func (b *Budget) end(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle(now)
	b.active--
}

// settle takes off what the active calls have spent since the last time.
func (b *Budget) settle(now time.Time) {
	if b.active > 0 {
		b.left -= now.Sub(b.since)
		b.spent += now.Sub(b.since)
	}
	b.since = now
}

// Left returns what is left, never less than zero.
func (b *Budget) Left() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle(time.Now())
	return max(b.left, 0)
}

// Spent returns what has been spent. It is more than the budget was if a call came
// back late.
func (b *Budget) Spent() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle(time.Now())
	return b.spent
}
