package failover

import (
	"context"
	"errors"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// do is what a call does with whichever store it is sent to.
type do func(ctx context.Context, b backend) error

// request is one call of a Store.
type request struct {
	what   string
	keys   int
	caller context.Context // as it came
	ctx    context.Context // caller within its budget
	done   func()          // the budget is no longer spent
	began  time.Time
	end    time.Time // when it ends in any case
}

// keysPerShare is for how many keys a call has the time that one key has.
const keysPerShare = 100

// share is d for one key, and as much again for every hundred.
func share(d time.Duration, keys int) time.Duration { return d * time.Duration(1+keys/keysPerShare) }

// enter begins a call: it fails if the store is closed, the context over or its
// budget used up. done must be called if it does not fail.
func (s *Store) enter(ctx context.Context, what string, keys int) (r request, err error) {
	if s.life.Err() != nil {
		return r, errClosed
	}
	if err := ctx.Err(); err != nil {
		return r, err
	}
	within, done, ok := cache.Spend(ctx)
	if !ok {
		return r, unavailable(what, errSpent)
	}
	now := time.Now()
	return request{
		what: what, keys: keys, caller: ctx, ctx: within, done: done,
		began: now, end: now.Add(share(s.cfg.Budget, keys)),
	}, nil
}

// tries is how often a call is sent to the primary at most. It is sent again if
// the breaker opened and closed meanwhile, or a lost connection was replaced.
const tries = 2

// read makes a call that changes nothing.
func (s *Store) read(ctx context.Context, what string, keys int, f do) error {
	r, err := s.enter(ctx, what, keys)
	if err != nil {
		return err
	}
	defer r.done()
	for try := 1; ; {
		p := s.phase.Load()
		if p.state != Closed {
			if again, err := s.readFallback(&r, p, f); !again {
				return err
			}
			continue
		}
		a := s.askPrimary(&r, try, f)
		if !a.fate.unanswered() {
			return a.err
		}
		healthy := a.fate == refused && s.confirm(&r)
		if try == tries || s.phase.Load() == p && !healthy {
			return unavailable(what, a.err)
		}
		try++
	}
}

// readFallback makes the call with the fallback; again means that the primary is
// in charge again.
func (s *Store) readFallback(r *request, p *phase, f do) (again bool, err error) {
	within := limit(r.ctx, r.end)
	defer within.end()
	v, again, err := s.viewOf(within, p)
	if again || err != nil {
		return again, r.degraded(err)
	}
	return false, s.askFallback(within, r, v, f)
}

// viewOf waits until the fallback has been prepared for the outage.
func (s *Store) viewOf(ctx context.Context, p *phase) (v *view, again bool, err error) {
	for p.state != Closed {
		if p.err != nil || p.view != nil {
			return p.view, false, p.err
		}
		select {
		case <-p.changed:
		case <-ctx.Done():
			return nil, false, errFresh
		case <-s.life.Done():
			return nil, false, errClosed
		}
		p = s.phase.Load()
	}
	return nil, true, nil
}

// askFallback makes a call of the fallback, unless it has as many as it may have.
func (s *Store) askFallback(ctx context.Context, r *request, v *view, f do) error {
	select {
	case s.slots <- struct{}{}:
	default:
		s.counts.full.Add(1)
		return unavailable(r.what, errFull)
	}
	defer func() { <-s.slots }()
	s.counts.fallback.Add(1)
	cache.AnsweredByFallback(r.caller)
	return r.degraded(f(ctx, v))
}

// degraded gives an error of the fallback, or of the way to it, its meaning.
func (r *request) degraded(err error) error {
	switch {
	case err == nil, errors.Is(err, errClosed), isAnswer(err), errors.As(err, new(*degradedError)):
		return err
	case r.caller.Err() != nil:
		return r.caller.Err()
	}
	return unavailable(r.what, err)
}
