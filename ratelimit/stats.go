package ratelimit

import (
	"sync/atomic"
	"time"
)

// Stats is what a limiter has done, for monitoring.
type Stats struct {
	// Local says that this server decides by itself now, and Since when who
	// decides has changed last.
	Local bool
	Since time.Time
	// Servers is how many servers were seen last, this one included.
	Servers int
	// Allowed and Denied are decisions, Locally those of them that this server
	// has made by itself. All are since the start.
	Allowed, Denied, Locally uint64
	// Failures is how often the store has failed or was late, Outages how often
	// this server has begun to decide by itself.
	Failures, Outages uint64
	// Buckets is how many this process holds, Shared how many local decisions
	// had to share one because there were too many.
	Buckets int
	Shared  uint64
}

type counters struct {
	allowed, denied, locally, failures, outages atomic.Uint64
}

func (c *counters) count(d *Decision) {
	if d.Allowed {
		c.allowed.Add(1)
	} else {
		c.denied.Add(1)
	}
	if d.Local {
		c.locally.Add(1)
	}
}

// Stats returns what the limiter has done.
func (l *Limiter) Stats() Stats {
	m := l.mode.Load()
	buckets, shared := l.table.Len()
	return Stats{
		Local: m.local, Since: m.since, Servers: l.count(),
		Allowed: l.counted.allowed.Load(), Denied: l.counted.denied.Load(), Locally: l.counted.locally.Load(),
		Failures: l.counted.failures.Load(), Outages: l.counted.outages.Load(),
		Buckets: buckets, Shared: shared,
	}
}
