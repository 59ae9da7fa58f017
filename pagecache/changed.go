package pagecache

import (
	"hash/maphash"
	"sync/atomic"
)

// changes counts, for the URLs of pages that are kept inside the process, how
// often a request changed what they show. A page made before the last change of
// its URL misses.
//
// A tag for each URL would do the same, but a purge counts for the whole site:
// whatever else is being made at that moment, under tags that are not known yet,
// could not be kept, and on a site with many POSTs little ever would. And its
// token would take the room of a page.
//
// URLs share counters, and those of another one cost a miss. So only URLs of
// which a page was made count, as far as a few bits beside the counter remember
// it: not those of forms that are never read.
type changes struct {
	seed maphash.Seed
	// The lower half of each counts, the upper half has a bit for some of the
	// URLs of which a page was made.
	slots [1 << 14]atomic.Uint64
}

const countBits = 32

func (c *changes) of(url string) (slot *atomic.Uint64, bit uint64) {
	h := maphash.String(c.seed, url)
	return &c.slots[h%uint64(len(c.slots))], 1 << (countBits + h>>59)
}

// now is compared when a page is used with what making gave.
func (c *changes) now(url string) uint64 {
	slot, _ := c.of(url)
	return slot.Load() & (1<<countBits - 1)
}

// making is taken before a page is made. From then on changes of its URL count.
func (c *changes) making(url string) uint64 {
	slot, bit := c.of(url)
	return (slot.Or(bit)) & (1<<countBits - 1)
}

// add notes a change that has been made. A page that is begun afterwards shows
// it.
func (c *changes) add(url string) {
	slot, bit := c.of(url)
	for {
		old := slot.Load()
		if old&bit == 0 {
			return
		}
		count := (old + 1) & (1<<countBits - 1)
		if slot.CompareAndSwap(old, old&^(1<<countBits-1)|count) {
			return
		}
	}
}
