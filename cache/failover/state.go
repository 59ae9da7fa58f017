package failover

import (
	"fmt"
	"time"
)

// State is who is in charge.
type State int

const (
	// Closed: the primary answers.
	Closed State = iota
	// Open: the primary is away, the fallback is in charge.
	Open
	// Replaying: the primary is back and is told what it has missed; the
	// fallback is still in charge.
	Replaying
)

// String returns "closed", "open" or "replaying".
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case Replaying:
		return "replaying"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// phase is what a Store knows at one time. It does not change; the next phase
// takes its place, and then changed is closed.
type phase struct {
	state  State
	opened time.Time // when the outage began
	cause  error     // what opened it
	view   *view     // of the fallback in this outage; nil: not yet
	err    error     // why there is no view; nil: it is being prepared
	// changed is closed when this is no longer the phase.
	changed chan struct{}
}

// become replaces the phase, if it is still the one that was seen.
func (s *Store) become(seen *phase, next phase) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.becomeLocked(seen, next)
}

func (s *Store) becomeLocked(seen *phase, next phase) bool {
	if s.phase.Load() != seen {
		return false
	}
	next.changed = make(chan struct{})
	s.phase.Store(&next)
	close(seen.changed)
	return true
}

// update changes the phase in force by edit, until that returns false.
func (s *Store) update(edit func(p *phase) bool) bool {
	for {
		seen := s.phase.Load()
		next := *seen
		if !edit(&next) {
			return false
		}
		if s.become(seen, next) {
			return true
		}
	}
}

// trip opens the breaker. Whoever opens it wakes those who look after it.
func (s *Store) trip(cause error) {
	if s.update(func(p *phase) bool {
		if p.state != Closed {
			return false
		}
		*p = phase{state: Open, opened: time.Now(), cause: cause}
		if s.fallback == nil {
			p.err = errNoFallback
		}
		return true
	}) {
		s.counts.opened.Add(1)
		wake(s.tripped)
		wake(s.keep)
	}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// State returns who is in charge.
func (s *Store) State() State { return s.phase.Load().state }

// Degraded reports whether the fallback is in charge.
func (s *Store) Degraded() bool { return s.State() != Closed }
