package failover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
)

const (
	// recoverTime is what Config.Recover gets.
	recoverTime = 30 * time.Second
	// forgetTime is what the primary gets for one batch of keys to forget, and
	// forgetBatch how many those are.
	forgetTime  = time.Second
	forgetBatch = 500
)

// errBusy says that writes to the fallback did not end in time for the breaker to
// close between them.
var errBusy = errors.New("failover: writes to the fallback do not end")

// comeBack puts the primary in charge again, and reports whether it is.
func (s *Store) comeBack() bool {
	if !s.shift(Open, Replaying, nil) {
		return false
	}
	err := s.replay()
	if err == nil {
		err = s.close()
	}
	if err != nil {
		s.shift(Replaying, Open, err)
		return false
	}
	return true
}

// shift goes from one state to another, and tells of it.
func (s *Store) shift(from, to State, cause error) bool {
	if !s.update(func(p *phase) bool {
		if p.state != from {
			return false
		}
		p.state = to
		return true
	}) {
		return false
	}
	s.report(from, to, cause)
	return true
}

// replay tells the primary what it has missed.
func (s *Store) replay() error {
	if s.cfg.Recover != nil {
		ctx, cancel := context.WithTimeout(s.life, recoverTime)
		defer cancel()
		if err := s.cfg.Recover(ctx); err != nil {
			return fmt.Errorf("failover: replaying: %w", err)
		}
	}
	return s.forget()
}

// close is the moment in which the breaker closes. Explicit writes wait for it,
// so that none is acknowledged by the fallback which the primary does not know
// of.
func (s *Store) close() error {
	s.mu.Lock()
	s.closing = make(chan struct{})
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		close(s.closing)
		s.closing = nil
	}()
	patience := time.NewTimer(2 * s.cfg.Budget)
	defer patience.Stop()
	for {
		done, busy := s.tryClose()
		switch {
		case done:
			return nil
		case busy:
			select {
			case <-s.idle:
			case <-patience.C:
				return errBusy
			case <-s.life.Done():
				return errClosed
			}
		default:
			if err := s.forget(); err != nil {
				return err
			}
		}
	}
}

// tryClose closes the breaker if no write is under way to the fallback, and
// nothing is to be forgotten.
func (s *Store) tryClose() (done, busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing > 0 {
		return false, true
	}
	if s.dirty.size() > 0 {
		return false, false
	}
	s.breaker.Reset()
	s.becomeLocked(s.phase.Load(), phase{state: Closed})
	// Under the lock, so that it stands before what the next outage says.
	s.news.say(cache.PeerBack, s.cfg.Server)
	return true, false
}

// forget removes from the primary what was remembered.
func (s *Store) forget() error {
	keys, over := s.dirty.take()
	if len(keys) == 0 && !over {
		return nil
	}
	if err := s.forgetAll(keys, over); err != nil {
		s.dirty.putBack(keys, over)
		return fmt.Errorf("failover: %d keys that the primary has to forget: %w", len(keys), err)
	}
	return nil
}

func (s *Store) forgetAll(keys []string, over bool) error {
	if over {
		if err := s.applyTo(s.primary, []cache.Invalidation{{Kind: cache.InvalidAll}}); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(keys, forgetBatch) {
		if err := s.forgetKeys(batch); err != nil {
			return err
		}
	}
	return nil
}

// forgetKeys removes the keys, and those of the same names in the generations of
// the primary: the fallback had its own.
func (s *Store) forgetKeys(keys []string) error {
	ctx, cancel := context.WithTimeout(s.life, forgetTime)
	defer cancel()
	generations, err := s.primary.GetMany(ctx, []string{s.cfg.Prefix + ":t:vgen", s.cfg.Prefix + ":t:gen"})
	if err != nil {
		return err
	}
	all := slices.Clone(keys)
	raised := false
	for _, key := range keys {
		switch kindOf(s.cfg.Prefix, key) {
		case control:
			if !raised {
				if err := s.raise(ctx, s.primary); err != nil {
					return err
				}
				raised = true
			}
		case value:
			all = append(all, baseOf(key)+"@"+string(generations[0]))
		case page:
			all = append(all, baseOf(key)+"@"+string(generations[1]))
		}
	}
	_, err = s.primary.Delete(ctx, all...)
	return err
}

// applyTo tells a store what was invalidated.
func (s *Store) applyTo(store cache.Store, list []cache.Invalidation) error {
	ctx, cancel := context.WithTimeout(s.life, forgetTime)
	defer cancel()
	return cache.Apply(ctx, store, cache.ApplyConfig{Prefix: s.cfg.Prefix, Logger: s.cfg.Logger, Now: s.cfg.Now}, list)
}
