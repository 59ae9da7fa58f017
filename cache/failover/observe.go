package failover

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

const (
	// peerTime is how long a peer is held for degraded unless it says so again.
	peerTime = 10 * time.Second
	// mostHeard is how many rows wait for the fallback, and heardBatch how many
	// it is told at once.
	mostHeard  = 10_000
	heardBatch = 500
)

// Observe is to be called with everything that is heard from the journal, this
// server's own rows included. It does not block.
//
// Peers that say that they are degraded are told, through the journal, of the
// plain values that this server changes. While this server is open, its fallback
// is told of what others have invalidated.
func (s *Store) Observe(list []cache.Invalidation) {
	var rows []cache.Invalidation
	for _, row := range list {
		switch {
		case row.Kind == cache.PeerDegraded || row.Kind == cache.PeerBack:
			if row.Name != s.cfg.Server {
				s.peers.heard(row.Name, row.Kind == cache.PeerDegraded)
			}
		case row.Kind == cache.InvalidSession: // none are kept here
		case s.news.mine(row):
		default:
			rows = append(rows, row)
		}
	}
	if s.fallback != nil && len(rows) > 0 && s.State() != Closed {
		s.heard.put(rows)
	}
}

// peers are the servers that live on their fallback.
type peers struct {
	begin time.Time
	until atomic.Int64 // nanoseconds from begin; zero: nobody

	mu       sync.Mutex
	degraded map[string]time.Time // until when
}

func newPeers() *peers { return &peers{begin: time.Now(), degraded: make(map[string]time.Time)} }

// any reports whether a peer is degraded.
func (p *peers) any() bool {
	until := p.until.Load()
	return until != 0 && int64(time.Since(p.begin)) < until
}

func (p *peers) heard(name string, degraded bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if degraded {
		p.degraded[name] = now.Add(peerTime)
	} else {
		delete(p.degraded, name)
	}
	var last int64
	for name, until := range p.degraded {
		if until.Before(now) {
			delete(p.degraded, name)
			continue
		}
		last = max(last, int64(until.Sub(p.begin)))
	}
	p.until.Store(last)
}

// inbox holds what the fallback is to be told.
type inbox struct {
	wake chan struct{}

	mu   sync.Mutex
	rows []cache.Invalidation
	over bool // there was too much
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

func (i *inbox) put(rows []cache.Invalidation) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.rows)+len(rows) > mostHeard {
		i.rows, i.over = nil, true
	} else {
		i.rows = append(i.rows, rows...)
	}
	wake(i.wake)
}

func (i *inbox) take() (rows []cache.Invalidation, over bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	rows, over = i.rows, i.over
	i.rows, i.over = nil, false
	return rows, over
}

// listener tells the fallback what was heard.
func (s *Store) listener() {
	for {
		select {
		case <-s.life.Done():
			return
		case <-s.heard.wake:
		}
		v := s.currentView(s.life)
		rows, over := s.heard.take()
		if v == nil {
			continue // closed, or without a fallback: nothing to be told
		}
		if over || s.applyAll(v, rows) != nil {
			s.abandon(v)
		}
	}
}

func (s *Store) applyAll(v *view, rows []cache.Invalidation) error {
	for batch := range slices.Chunk(rows, heardBatch) {
		if err := s.applyTo(v, batch); err != nil {
			return err
		}
	}
	return nil
}

// currentView waits for the fallback to be prepared; nil: closed.
func (s *Store) currentView(ctx context.Context) *view {
	for p := s.phase.Load(); p.state != Closed; p = s.phase.Load() {
		if p.view != nil {
			return p.view
		}
		select {
		case <-p.changed:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
