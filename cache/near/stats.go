package near

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Stats is what a [Tier] has done since New, and what it holds now.
type Stats struct {
	// Hits and Misses count Get.
	Hits, Misses uint64
	// Puts counts what was held. Outrun counts what was not because the key was
	// invalidated since the stamp was taken, PutsUnverified because the tier
	// was unverified, and Refused because of its size or time.
	Puts, Outrun, PutsUnverified, Refused uint64
	// Invalidations counts keys, whether they were held or not.
	Invalidations uint64
	// Eras counts how often everything was dropped.
	Eras uint64
	// Evictions counts what had to go to keep the bounds.
	Evictions uint64
	// Entries and Bytes are what is held: control keys, and what was dropped or
	// has expired but was not replaced yet, included. ControlEntries and
	// ControlBytes are the control keys among them.
	Entries, ControlEntries int
	Bytes, ControlBytes     int64
	// Watched is the number of keys that are watched.
	Watched int
	// Verified is what Tier.Verified says, and UnverifiedSince since when it is
	// not; zero while it is.
	Verified        bool
	UnverifiedSince time.Time
	// Down are the feeds that are down, and why.
	Down map[string]string
}

// Stats returns the present numbers. They are not of one instant.
func (t *Tier) Stats() Stats {
	s := Stats{
		Puts: t.counts.puts.Load(), Outrun: t.counts.outrun.Load(),
		PutsUnverified: t.counts.unverified.Load(), Refused: t.counts.refused.Load(),
		Invalidations: t.counts.invalidations.Load(), Eras: t.era.Load(),
		Evictions:      t.values.evictions.Load() + t.control.evictions.Load(),
		ControlEntries: t.control.len(), ControlBytes: t.control.weight(),
		Watched: int(t.watching.Load()),
	}
	s.Entries, s.Bytes = t.values.len()+s.ControlEntries, t.values.weight()+s.ControlBytes
	for i := range t.counts.reads {
		s.Hits += t.counts.reads[i].hits.Load()
		s.Misses += t.counts.reads[i].misses.Load()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.Verified = t.verified.Load(); !s.Verified {
		s.UnverifiedSince = t.since
	}
	for _, f := range t.feeds {
		if f.up {
			continue
		}
		if s.Down == nil {
			s.Down = make(map[string]string)
		}
		s.Down[f.name] = f.reason
	}
	return s
}

type counts struct {
	reads                                            [16]readCount
	puts, outrun, unverified, refused, invalidations atomic.Uint64
}

// readCount is one of several, of which a read takes any: all processors
// counting in one place would wait for each other longer than a read takes.
type readCount struct {
	hits, misses atomic.Uint64
	_            [48]byte
}

func (c *counts) found()  { c.reads[rand.Uint32()%16].hits.Add(1) }
func (c *counts) missed() { c.reads[rand.Uint32()%16].misses.Add(1) }
