package failover

// Stats are numbers since the store was made, and of this moment.
type Stats struct {
	// State is who is in charge.
	State State
	// Opened is how often the breaker opened.
	Opened int64
	// Answered, Late and Refused are calls of the primary: those that it
	// answered, those that were given up, and those to which it said that it
	// is away.
	Answered, Late, Refused int64
	// Fallback is how many calls the fallback got, and Full how many it did not
	// get because it had as many as it may have.
	Fallback, Full int64
	// Dirty is how many keys the primary has to forget before it is trusted
	// again.
	Dirty int
	// PeersDegraded reports whether another server is degraded.
	PeersDegraded bool
}

// Stats returns the numbers.
func (s *Store) Stats() Stats {
	answered, late, refused := s.breaker.Counts()
	return Stats{
		State:         s.State(),
		Opened:        s.counts.opened.Load(),
		Answered:      answered,
		Late:          late,
		Refused:       refused,
		Fallback:      s.counts.fallback.Load(),
		Full:          s.counts.full.Load(),
		Dirty:         s.dirty.size(),
		PeersDegraded: s.peers.any(),
	}
}
