package failover

import (
	"context"
	"strings"
	"time"
)

const (
	// sweepTime bounds the removal of rows; what is left then is removed after
	// the next outage.
	sweepTime  = time.Minute
	sweepBatch = 500
)

// sweeper removes the rows of outages that are over, also of those that other
// servers did not live to see the end of.
func (s *Store) sweeper() {
	for {
		select {
		case <-s.life.Done():
			return
		case <-s.sweep:
			if err := s.sweepOnce(); err != nil && s.life.Err() == nil {
				s.cfg.Logger.WarnContext(s.life, "failover: rows of old outages stay in the fallback until they expire", "error", err)
			}
		}
	}
}

func (s *Store) sweepOnce() error {
	ctx, cancel := context.WithTimeout(s.life, sweepTime)
	defer cancel()
	var batch []string
	flush := func() error {
		_, err := s.fallback.Delete(ctx, batch...)
		batch = batch[:0]
		return err
	}
	raw, _, err := s.fallback.Get(ctx, s.recordKey())
	if err != nil {
		return err
	}
	current := string(raw) + separator
	for key, err := range s.fallback.Keys(ctx, s.outageKeys()) {
		if err != nil {
			return err
		}
		if strings.HasPrefix(key, current) || s.livesIn(key) {
			continue
		}
		if batch = append(batch, key); len(batch) == sweepBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// livesIn reports whether key belongs to the outage of this moment.
func (s *Store) livesIn(key string) bool {
	v := s.phase.Load().view
	return v != nil && strings.HasPrefix(key, v.prefix)
}
