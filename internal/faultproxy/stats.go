package faultproxy

import "sync/atomic"

// Stats are counts since the proxy started.
type Stats struct {
	// Accepted connections were let in. Active are those that are open now.
	Accepted, Active int64
	// Rejected connections were reset at the door: by [Reset], or because there
	// were too many. Connections under [Refuse] are refused by the system, which
	// does not count them.
	Rejected int64
	// DialFailed connections were let in and then reset, because the target
	// could not be reached.
	DialFailed int64
	// Resets are connections that the proxy reset, whatever the reason,
	// DialFailed among them. Cut are those that were reset by CutAfter.
	Resets, Cut int64
	// Passed are the bytes that were written, Swallowed those that a blackhole
	// took, for each direction.
	Passed, Swallowed [directions]int64
}

type counters struct {
	accepted, active, rejected, dialFailed, resets, cut atomic.Int64
	passed, swallowed                                   [directions]atomic.Int64
}

// Stats returns the counts so far.
func (p *Proxy) Stats() Stats {
	c := &p.counters
	s := Stats{
		Accepted: c.accepted.Load(), Active: c.active.Load(), Rejected: c.rejected.Load(),
		DialFailed: c.dialFailed.Load(), Resets: c.resets.Load(), Cut: c.cut.Load(),
	}
	for d := range directions {
		s.Passed[d], s.Swallowed[d] = c.passed[d].Load(), c.swallowed[d].Load()
	}
	return s
}
