package session

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// renewBudget is when a request that goes on, a stream for example, may spend its
// budget once more.
const renewBudget = 10 * time.Second

// allowance is the budget of a request that came without one. It is made when
// somebody is about to spend it, the session or the cache: most requests need
// none.
type allowance struct{ current atomic.Pointer[allotted] }

type allotted struct {
	budget *cache.Budget
	since  time.Time
}

func (a *allowance) budget(d time.Duration) *cache.Budget {
	now := time.Now()
	for {
		known := a.current.Load()
		if known != nil && now.Sub(known.since) < renewBudget {
			return known.budget
		}
		fresh := &allotted{cache.NewBudget(d), now}
		if a.current.CompareAndSwap(known, fresh) {
			return fresh.budget
		}
	}
}

// budgetUnder answers cache.BudgetKey: with the budget of ctx, which may be that
// there is none, or else with the request's own.
func (v *visit) budgetUnder(ctx context.Context) any {
	if b := ctx.Value(cache.BudgetKey{}); b != nil {
		return b
	}
	return v.allowance.budget(v.m.cfg.StoreBudget)
}

// spend bounds a call of the store: by what is left of the request's budget, and
// by Config.Timeout. What a database is to decide has only the latter bound.
func (m *Manager) spend(ctx context.Context, deliberate bool) (within context.Context, done func(), err error) {
	end := func() {}
	if !deliberate {
		var ok bool
		if ctx, end, ok = cache.Spend(cache.WithBudget(ctx, m.cfg.StoreBudget)); !ok {
			return nil, nil, errSpent
		}
	}
	within, cancel := context.WithTimeout(ctx, m.cfg.Timeout)
	return within, func() {
		cancel()
		end()
	}, nil
}

// unhurried reports whether a call is bound by Config.Timeout alone.
func unhurried(op string, s Store) bool {
	switch op {
	case opLoad, opTouch:
		return false
	case opRevoke, opMigrate:
		return true
	}
	return deliberate(s)
}

// unbudgeted returns a context whose calls of stores cost the request nothing.
func unbudgeted(ctx context.Context) context.Context {
	return context.WithValue(ctx, cache.BudgetKey{}, (*cache.Budget)(nil))
}

// deliberate reports whether a store takes its time to change something.
func deliberate(s Store) bool {
	_, ok := s.(Deliberate)
	return ok
}
