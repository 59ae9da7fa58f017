package failover

import (
	"context"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// probed is how long the control key of a probe stays.
const probed = time.Minute

// probe asks whether the primary can be used.
func (s *Store) probe() error {
	ctx, cancel := context.WithTimeout(s.life, s.cfg.Late)
	defer cancel()
	if s.cfg.Probe != nil {
		return s.cfg.Probe(ctx)
	}
	_, err := s.primary.Set(ctx, s.cfg.Prefix+":t:probe", []byte("?"), probed, cache.Always)
	return err
}

// prober alone asks the primary while the breaker is open, and closes it.
func (s *Store) prober() {
	var closed time.Time // the last time
	quick := 0           // outages in a row that followed one another at once
	for {
		select {
		case <-s.life.Done():
			return
		case <-s.asked:
			s.confirmNow()
			continue
		case <-s.tripped:
		}
		p := s.phase.Load()
		if p.state == Closed {
			continue
		}
		if quick++; p.opened.Sub(closed) > young {
			quick = 0
		}
		s.report(Closed, Open, p.cause)
		if !s.outage(quick) {
			return
		}
		closed = time.Now()
		s.endOutage()
	}
}

// outage probes until the breaker is closed; false means that the store was. The
// first probe is made at once, unless the primary has just been in an outage: who
// comes and goes has to wait longer each time, up to four times ProbeEvery.
func (s *Store) outage(quick int) bool {
	pause := time.Duration(0)
	if quick > 0 {
		pause = s.cfg.ProbeEvery << min(quick-1, 2)
	}
	for {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.life.Done():
			timer.Stop()
			return false
		}
		if s.probe() == nil && s.comeBack() {
			s.report(Replaying, Closed, nil)
			return true
		}
		pause = s.cfg.ProbeEvery
	}
}

// report tells of a change of state.
func (s *Store) report(from, to State, cause error) {
	if s.life.Err() != nil {
		return
	}
	switch to {
	case Open:
		s.cfg.Logger.WarnContext(s.life, "failover: open: the primary is away, the fallback is in charge", "from", from.String(), "error", cause)
	case Replaying:
		s.cfg.Logger.InfoContext(s.life, "failover: replaying: the primary answers, and is told what it has missed")
	case Closed:
		s.cfg.Logger.InfoContext(s.life, "failover: closed: the primary is in charge again")
	}
	if s.cfg.OnChange != nil {
		s.cfg.OnChange(from, to)
	}
}
