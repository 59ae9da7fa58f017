package cache

import (
	"sync/atomic"
	"unsafe"
)

// Stats counts what a cache did since it was made.
type Stats struct {
	Hits      uint64 // values found and valid
	Misses    uint64 // absent, expired, purged, or unreadable
	Stale     uint64 // served after their end while one refresh ran
	Sets      uint64 // values handed to the store
	Errors    uint64 // calls of the store that failed
	Corrupt   uint64 // stored values that were damaged, and deleted
	Mismatch  uint64 // stored values of another type than was asked for
	Coalesced uint64 // callers that waited for another's loader
	Refused   uint64 // made but not stored: private, purged meanwhile, …
}

type counters struct {
	hits tally

	misses, stale, sets, errors, corrupt, mismatch, coalesced, refused atomic.Uint64
}

// Stats returns the counts so far.
func (c *Cache) Stats() Stats {
	n := &c.count
	return Stats{
		Hits: n.hits.sum(), Misses: n.misses.Load(), Stale: n.stale.Load(), Sets: n.sets.Load(),
		Errors: n.errors.Load(), Corrupt: n.corrupt.Load(), Mismatch: n.mismatch.Load(),
		Coalesced: n.coalesced.Load(), Refused: n.refused.Load(),
	}
}

// tally is a counter that many processors add to at once: each mostly to another
// cache line.
type tally [8]struct {
	n atomic.Uint64
	_ [56]byte
}

// add counts one, on a line that the goroutine's stack chooses, and returns the count
// on that line.
func (t *tally) add() uint64 {
	var here byte
	return t[uintptr(unsafe.Pointer(&here))>>11%uintptr(len(t))].n.Add(1)
}

func (t *tally) sum() (n uint64) {
	for i := range t {
		n += t[i].n.Load()
	}
	return n
}
