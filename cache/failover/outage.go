package failover

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// An outage has a number, which stands before every key in the fallback. The
// number in force is a record in the fallback itself, kept alive by the servers
// that live in the outage. Who finds none alive begins a new outage.
const (
	// recordTTL is how long a record lives unless it is renewed. The fallback
	// may be away for so long before the outage begins anew.
	recordTTL = 3 * time.Second
	// renewEvery and announceEvery are how often the record is renewed and the
	// peers are told.
	renewEvery    = time.Second
	announceEvery = 3 * time.Second
	// keepEvery is how often it is looked whether one of them is due.
	keepEvery = 250 * time.Millisecond
	// keepTime is what the fallback gets for it.
	keepTime = 250 * time.Millisecond
)

// errContended says that other servers were faster, again and again.
var errContended = errors.New("failover: other servers change the number of the outage all the time")

// errManyPurges says that a fallback which others use cannot be told of all that was
// purged here lately.
var errManyPurges = errors.New("failover: too many purges lately for the fallback to be told of all")

// recordKey is where the number in force is.
func (s *Store) recordKey() string { return s.cfg.Prefix + ":t:outage" }

// outageKeys is what the keys of all outages start with.
func (s *Store) outageKeys() string { return s.cfg.Prefix + ":o:" }

// keeper looks after the outage while there is one.
func (s *Store) keeper() {
	for {
		select {
		case <-s.life.Done():
			return
		case <-s.keep:
			s.keepOutage()
		}
	}
}

// kept is what the keeper knows of the outage that it looks after.
type kept struct {
	opened    time.Time
	announced time.Time
	renewed   time.Time
}

func (s *Store) keepOutage() {
	var k kept
	timer := time.NewTicker(keepEvery)
	defer timer.Stop()
	for p := s.phase.Load(); p.state != Closed; p = s.phase.Load() {
		if p.opened != k.opened {
			k = kept{opened: p.opened}
		}
		if now := time.Now(); now.Sub(k.announced) >= announceEvery {
			s.news.say(cache.PeerDegraded, s.cfg.Server)
			k.announced = now
		}
		if s.fallback != nil && (p.view == nil || time.Since(k.renewed) >= renewEvery) {
			s.prepare(p, &k)
		}
		select {
		case <-timer.C:
		case <-s.keep:
		case <-s.life.Done():
			return
		}
	}
}

// prepare takes part in the outage that is in force in the fallback, or begins a
// new one.
func (s *Store) prepare(p *phase, k *kept) {
	ctx, cancel := context.WithTimeout(s.life, keepTime)
	defer cancel()
	mine := ""
	if p.view != nil {
		mine = p.view.id
	}
	id, began, err := s.join(ctx, mine)
	if err == nil && !began && id != mine {
		err = s.brief(ctx, id)
	}
	switch {
	case err == nil:
		k.renewed = time.Now()
	case p.view != nil && time.Since(k.renewed) < recordTTL:
		return // it may still be in force
	}
	s.settle(p, id, err)
}

// settle makes the outage the one that calls live in, or err what they get.
func (s *Store) settle(p *phase, id string, err error) {
	if s.update(func(now *phase) bool {
		if now.state == Closed || now.opened != p.opened || now.view != p.view {
			return false
		}
		if now.err = err; err != nil {
			now.view = nil
			return true
		}
		if now.view == nil || now.view.id != id {
			now.view = newView(s.fallback, id)
		}
		return true
	}) && err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lived = id
	}
}

// join returns the number of the outage in force, and whether this server has begun
// it. mine is the one in which it lives already.
func (s *Store) join(ctx context.Context, mine string) (id string, began bool, err error) {
	key := s.recordKey()
	for range 4 {
		raw, found, err := s.fallback.Get(ctx, key)
		if err != nil {
			return "", false, err
		}
		id, began = string(raw), false
		done := false
		switch {
		case found && (id == mine || s.joins(id)):
			done, err = s.fallback.Touch(ctx, key, recordTTL)
		case found:
			id, began = s.newOutage(), true
			done, err = s.fallback.Swap(ctx, key, raw, []byte(id), recordTTL)
		default:
			id, began = s.newOutage(), true
			done, err = s.fallback.Set(ctx, key, []byte(id), recordTTL, cache.IfAbsent)
		}
		if err != nil || done {
			return id, began, err
		}
	}
	return "", false, errContended
}

// joins reports whether this server may live in an outage that it finds. Not in
// one in which it has lived itself, if no peer is known to have stayed: nobody
// has kept that up to date since. Nor in one that has missed something.
func (s *Store) joins(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.HasPrefix(id, s.outageKeys()) && id != s.spoiled && (id != s.lived || s.peers.any())
}

func (s *Store) newOutage() string { return s.outageKeys() + rand.Text()[:12] }

// abandon gives up an outage that has missed an invalidation, for all who live
// in it.
func (s *Store) abandon(v *view) {
	s.mu.Lock()
	s.spoiled = v.id
	s.mu.Unlock()
	s.update(func(p *phase) bool {
		if p.view != v {
			return false
		}
		p.view, p.err = nil, nil // calls wait for the next
		return true
	})
	wake(s.keep)
}

// endOutage says in the fallback that the outage is over, unless others live in
// it, and has its rows removed.
func (s *Store) endOutage() {
	if s.fallback == nil {
		return
	}
	s.mu.Lock()
	id := s.lived
	s.mu.Unlock()
	if id != "" && !s.peers.any() {
		ctx, cancel := context.WithTimeout(s.life, keepTime)
		defer cancel()
		// If that fails the record ends by itself, soon.
		_, _ = s.fallback.Swap(ctx, s.recordKey(), []byte(id), nil, cache.Forever)
	}
	wake(s.sweep)
}
