package failover

import (
	"context"

	"github.com/echoic-go/echoic/cache"
)

// change is a call that changes something: key, or keys.
type change struct {
	what   string
	key    string // used instead of keys if not empty
	keys   []string
	counts bool // the result depends on what all others did
	mild   bool // of a control key: nothing in the primary becomes wrong by it
	// bound says that it follows from what another call answered, and has to go
	// where that one went.
	bound bool
	// repeats says that doing it twice is as good as once, so that it may be
	// tried again when a lost connection has been replaced.
	repeats bool
}

func (c *change) len() int {
	if c.key != "" {
		return 1
	}
	return len(c.keys)
}

func (c *change) at(i int) string {
	if c.key != "" {
		return c.key
	}
	return c.keys[i]
}

// write makes a call that may change something.
//
// What the application itself writes, as opposed to what a loader fills in, is
// remembered wherever the primary may not hold the same in the end: it is
// forgotten there before the primary is trusted again.
func (s *Store) write(ctx context.Context, c change, f do) error {
	r, err := s.enter(ctx, c.what, c.len())
	if err != nil {
		return err
	}
	defer r.done()
	explicit := !cache.IsFill(ctx)
	if explicit {
		s.note(&c)
	}
	for try := 1; ; try++ {
		p := s.phase.Load()
		if p.state != Closed {
			again, err := s.writeFallback(&r, p, &c, explicit, f)
			if !again {
				return err
			}
			continue
		}
		if c.bound && cache.FellBack(ctx) {
			return unavailable(c.what, errMixed)
		}
		a := s.askPrimary(&r, try, f)
		if a.fate == answered && (a.err != nil || !explicit) {
			return a.err
		}
		if a.fate == answered {
			return s.written(&r, p, &c)
		}
		if explicit {
			s.remember(&c)
		}
		if !a.fate.unanswered() {
			return a.err
		}
		healthy := a.fate == refused && s.confirm(&r)
		if try == tries || s.phase.Load() == p && !(healthy && c.repeats) {
			return unavailable(c.what, a.err)
		}
	}
}

// written is what follows an explicit write that the primary has acknowledged.
func (s *Store) written(r *request, p *phase, c *change) error {
	if s.peers.any() {
		s.tell(c)
	}
	seen := s.phase.Load()
	if seen == p {
		return nil
	}
	// The breaker opened meanwhile. What was filled into the fallback since may
	// be older than what was just written.
	_, err := s.writeFallback(r, seen, c, true, func(ctx context.Context, b backend) error {
		keys := c.keys
		if c.key != "" {
			keys = []string{c.key}
		}
		_, err := b.Delete(ctx, keys...)
		return err
	})
	return err
}

// writeFallback makes the call with the fallback; again means that the primary is
// in charge again.
func (s *Store) writeFallback(r *request, p *phase, c *change, explicit bool, f do) (again bool, err error) {
	within := limit(r.ctx, r.end)
	defer within.end()
	if err := s.refuse(r, c); err != nil {
		return false, err
	}
	if explicit {
		if again, err = s.beginWrite(within); again || err != nil {
			return again, r.degraded(err)
		}
		defer s.endWrite()
	}
	v, again, err := s.viewOf(within, p)
	if !again && err == nil && explicit {
		err = s.announce(within, c)
	}
	if !again && err == nil {
		err = s.askFallback(within, r, v, f)
	}
	if explicit && !again && (err != nil && !isAnswer(err) || !s.replayed(c)) {
		s.remember(c)
	}
	return again, r.degraded(err)
}

// refuse fails what would promise something while the primary is away.
func (s *Store) refuse(r *request, c *change) error {
	for i := range c.len() {
		switch k := kindOf(s.cfg.Prefix, c.at(i)); {
		case k == lock:
			return unavailable(c.what, errExclusion)
		case c.counts && k != control && !isBestEffort(r.caller):
			return unavailable(c.what, errCounting)
		}
	}
	return nil
}

// replayed reports whether Recover will tell the primary of the change, because
// the journal had it before Recover began.
func (s *Store) replayed(c *change) bool {
	if s.cfg.Journal == nil || s.State() != Open {
		return false
	}
	for i := range c.len() {
		if kindOf(s.cfg.Prefix, c.at(i)) != value {
			return false
		}
	}
	return true
}

// beginWrite counts an explicit write to the fallback. While the breaker is about
// to close it waits; again means that it has closed.
func (s *Store) beginWrite(ctx context.Context) (again bool, err error) {
	for {
		s.mu.Lock()
		closing := s.closing
		if s.phase.Load().state == Closed {
			s.mu.Unlock()
			return true, nil
		}
		if closing == nil {
			s.writing++
			s.mu.Unlock()
			return false, nil
		}
		s.mu.Unlock()
		select {
		case <-closing:
		case <-ctx.Done():
			return false, errFresh
		case <-s.life.Done():
			return false, errClosed
		}
	}
}

func (s *Store) endWrite() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing--
	if s.writing == 0 {
		wake(s.idle)
	}
}
