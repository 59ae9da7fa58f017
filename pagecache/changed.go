package pagecache

import (
	"hash/maphash"
	"sync/atomic"
)

// changes counts, for the URLs of pages that are kept inside the process, how
// often a request changed what they show. A page made before the last change of
// its URL misses.
//
// A purge of the URL's tag would do the same, but it counts for the whole site:
// whatever else is being made at that moment, under tags that are not known yet,
// could not be kept. On a site with many POSTs little ever would.
//
// URLs share counters. Those of another one cost a miss.
type changes struct {
	seed   maphash.Seed
	counts [1 << 12]atomic.Uint64
}

func (c *changes) of(url string) *atomic.Uint64 {
	return &c.counts[maphash.String(c.seed, url)%uint64(len(c.counts))]
}

// now is taken before a page is made, and compared when it is used.
func (c *changes) now(url string) uint64 { return c.of(url).Load() }

func (c *changes) add(url string) { c.of(url).Add(1) }
