package fragment

import "sync/atomic"

// Stats counts what Fragments did since they were made.
type Stats struct {
	Hits      uint64 // found and valid
	Stale     uint64 // shown although their time to live was over, while another render made them anew
	Misses    uint64 // rendered
	Coalesced uint64 // taken from another render that was under way
	Stored    uint64 // renders that were stored
	Private   uint64 // renders that were for one visitor only
	Refused   uint64 // renders that were not stored for another reason
	Failed    uint64 // bodies that returned an error or panicked
	Errors    uint64 // failures of a store
}

type counters struct {
	hits, stale, misses, coalesced, stored, private, refused, failed, errors atomic.Uint64
}

// Stats returns the counts so far.
func (f *Fragments) Stats() Stats {
	if f == nil {
		return Stats{}
	}
	n := &f.count
	return Stats{
		Hits: n.hits.Load(), Stale: n.stale.Load(), Misses: n.misses.Load(), Coalesced: n.coalesced.Load(), Stored: n.stored.Load(),
		Private: n.private.Load(), Refused: n.refused.Load(), Failed: n.failed.Load(), Errors: n.errors.Load(),
	}
}
