package durable

import (
	"context"
	"time"
)

const (
	// keepEvery is how often the epoch is asked for.
	keepEvery = 250 * time.Millisecond
	// keepTimeout bounds what the keeper does in one turn.
	keepTimeout = 2 * time.Second
	// unheard is how long copies are read without the database.
	unheard = time.Minute
)

// keeper hears of the epoch, and brings this server back.
func (s *Store) keeper() {
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.life.Done():
			return
		case <-ticker.C:
		}
		ctx, cancel := context.WithTimeout(s.life, keepTimeout)
		s.keep(ctx)
		cancel()
	}
}

// keep does what there is to do.
func (s *Store) keep(ctx context.Context) {
	v, _, err := s.refresh(ctx)
	s.told(err)
	if err != nil {
		return
	}
	now := time.Now()
	for server, until := range v.Away {
		if server != s.name && until < now.UnixMilli() {
			s.told(s.bury(ctx, server))
		}
	}
	if !s.away.Load() {
		if _, mine := v.Away[s.name]; mine {
			s.told(s.comeBack(ctx))
		}
		return
	}
	if s.reaches(ctx) {
		s.told(s.comeBack(ctx))
	} else if left := time.UnixMilli(v.Away[s.name]).Sub(now); left < awayLasts/2 {
		s.told(s.sayAway(ctx))
	}
}

// bury gives up a server that has not said for too long that it is still away: it
// has ended.
func (s *Store) bury(ctx context.Context, server string) error {
	return s.edit(ctx, func(e *epoch) bool {
		if until, ok := e.Away[server]; !ok || until >= time.Now().UnixMilli() {
			return false
		}
		delete(e.Away, server)
		e.renew()
		return true
	})
}

// reaches reports whether Redis takes what a change has to tell it. That it can be
// read, as a replica can, is not enough.
func (s *Store) reaches(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, s.times.fast)
	defer cancel()
	return s.fast.Put(ctx, epochKey, newLease()) == nil
}

// comeBack lets copies be made again, under a new epoch.
func (s *Store) comeBack(ctx context.Context) error {
	err := s.edit(ctx, func(e *epoch) bool {
		delete(e.Away, s.name)
		e.renew()
		return true
	})
	if err == nil && s.away.Swap(false) {
		s.cfg.Logger.Info("session/durable: Redis answers again: sessions are read from there when they have been copied anew")
	}
	return err
}

// leave says that this server changes sessions and cannot tell Redis.
func (s *Store) leave(ctx context.Context) error {
	if s.away.Load() {
		return nil
	}
	s.leaving.Lock()
	defer s.leaving.Unlock()
	if s.away.Load() {
		return nil
	}
	if err := s.sayAway(ctx); err != nil {
		return err
	}
	s.away.Store(true)
	s.cfg.Logger.Warn("session/durable: Redis does not answer: all sessions are read from the database")
	return nil
}

func (s *Store) sayAway(ctx context.Context) error {
	return s.edit(ctx, func(e *epoch) bool {
		if e.Away == nil {
			e.Away = make(map[string]int64)
		}
		e.Away[s.name] = time.Now().Add(awayLasts).UnixMilli()
		return true
	})
}

// told logs that the epoch is not known any more, once.
func (s *Store) told(err error) {
	switch failing := err != nil && s.life.Err() == nil; {
	case failing && !s.failing.Swap(true):
		s.cfg.Logger.Warn("session/durable: the database does not answer: sessions cannot be changed", "error", err)
	case err == nil && s.failing.Swap(false):
		s.cfg.Logger.Info("session/durable: the database answers again")
	}
}
