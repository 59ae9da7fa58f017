package failover

import (
	"context"
	"errors"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// fate is how a call of the primary ended.
type fate int

const (
	answered fate = iota // also: "that is no integer"
	left                 // by its caller: nothing is known
	spent                // it had too little time to mean anything
	late                 // it had a fair time
	refused              // the primary says that it is away
)

// unanswered reports whether somebody else has to be asked.
func (f fate) unanswered() bool { return f >= spent }

// outcome is a fate and what the caller would see.
type outcome struct {
	fate fate
	err  error
}

// askPrimary makes the call with the primary, for the first time or again, and
// tells the breaker. It ends with the request, or a share of Late from now.
func (s *Store) askPrimary(r *request, try int, f do) outcome {
	began := r.began
	if try > 1 {
		began = time.Now()
	}
	end := r.end
	if most := began.Add(share(s.cfg.Late, r.keys)); most.Before(end) {
		end = most
	}
	within := limit(r.ctx, end)
	err := f(within, s.primary)
	now := time.Now()
	within.end()
	if err == nil && now.Before(end.Add(s.cfg.Late)) {
		s.breaker.OK(now)
		return outcome{}
	}
	return s.judge(r, began, now, err, now.Before(end.Add(punctual)))
}

// punctual is how soon after its end a call returns if this process gets to run.
const punctual = 10 * time.Millisecond

// judge is for what is no plain success. Where the call did not return in time
// after its end, it may have been this process that stood still, and not the
// primary.
func (s *Store) judge(r *request, began, now time.Time, err error, intime bool) outcome {
	o := outcome{err: err}
	switch slow := now.Sub(began) >= min(s.cfg.Late, fair); {
	case err == nil:
		// Long after its end: the store may not look at deadlines.
		if s.breaker.Slow(now) {
			s.trip(context.DeadlineExceeded)
		}
		return o
	case errors.Is(err, cache.ErrClosed):
		o.fate = left
	case errors.Is(err, cache.ErrDegraded):
		o.fate = refused
		s.fail(began, now, false, err)
	case errors.Is(err, context.DeadlineExceeded) && slow && !intime:
		o.fate = late
		if s.breaker.Slow(now) {
			s.trip(err)
		}
	case errors.Is(err, context.DeadlineExceeded) && slow:
		o.fate = late
		s.fail(began, now, true, err)
	case errors.Is(err, context.DeadlineExceeded):
		o.fate = spent
	case r.caller.Err() != nil:
		o.fate = left
	default:
		s.breaker.OK(now)
		return o
	}
	if r.caller.Err() != nil {
		o.fate = left // there is no time in which to ask somebody else
	}
	return o
}

// fail tells the breaker of a failure, and opens it if that was one too many.
func (s *Store) fail(began, now time.Time, late bool, cause error) {
	if s.breaker.Failed(began, now, late) {
		s.trip(cause)
	}
}

// confirm has the primary probed because a call was refused, and waits for the
// verdict: true if the primary answers the probe. If not, the breaker is open.
// One probe serves all who ask meanwhile, and nobody waits for it any longer when
// others have opened the breaker: then the prober has something else to do first.
func (s *Store) confirm(r *request) bool {
	s.mu.Lock()
	p := s.phase.Load()
	if p.state != Closed {
		s.mu.Unlock()
		return false
	}
	verdict := s.verdict
	if verdict == nil {
		verdict = make(chan struct{})
		s.verdict = verdict
		wake(s.asked)
	}
	s.mu.Unlock()
	within := limit(r.ctx, r.end)
	defer within.end()
	select {
	case <-verdict:
		return s.State() == Closed
	case <-p.changed:
	case <-within.Done():
	case <-s.life.Done():
	}
	return false
}

// confirmNow is the prober's part of confirm.
func (s *Store) confirmNow() {
	if err := s.probe(); err != nil && s.life.Err() == nil {
		s.trip(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verdict != nil {
		close(s.verdict)
		s.verdict = nil
	}
}
