package pagecache

import (
	"hash/maphash"
	"sync/atomic"
)

// changes counts, for the URLs of pages that are kept inside the process, how
// often a request or a purge changed what they show, and for directories how
// often they were purged. A page made before the last of them misses, or is stale
// if it was a soft one.
//
// Tags would do the same, but a purge counts for the whole site: whatever else is
// being made at that moment, under tags that are not known yet, could not be kept,
// and on a site with many POSTs little ever would. And their tokens would take the
// room of pages.
//
// Names share counters, and those of another one cost a miss. So only URLs of
// which a page was made count, as far as a few bits beside the counter remember
// it: not those of forms that are never read. Directories have counters of their
// own, which no visitor moves.
type changes struct {
	seed maphash.Seed
	// round counts all changes. While it stands still, no page has to look.
	round atomic.Uint64
	// The lower half of each counts, the upper half has a bit for some of the
	// URLs of which a page was made.
	slots  [1 << 14]atomic.Uint64
	softly [1 << 12]atomic.Uint32
	dirs   [1 << 10]struct{ hard, soft atomic.Uint32 }
}

const countBits = 32

// seen is what a page knows of changes. Counters only grow: their sum is the same
// only if none has changed.
type seen struct{ hard, soft uint64 }

func (c *changes) of(url string) (slot *atomic.Uint64, bit uint64, soft *atomic.Uint32) {
	h := maphash.String(c.seed, url)
	return &c.slots[h%uint64(len(c.slots))], 1 << (countBits + h>>59), &c.softly[h>>32%uint64(len(c.softly))]
}

// now is compared when a page is used with what making gave.
func (c *changes) now(url string) seen {
	slot, _, soft := c.of(url)
	return c.above(url, seen{slot.Load() & (1<<countBits - 1), uint64(soft.Load())})
}

// making is taken before a page is made. From then on changes of its URL count.
func (c *changes) making(url string) seen {
	slot, bit, soft := c.of(url)
	return c.above(url, seen{slot.Or(bit) & (1<<countBits - 1), uint64(soft.Load())})
}

func (c *changes) above(url string, s seen) seen {
	for dir := range directories(url) {
		d := &c.dirs[maphash.String(c.seed, dir)%uint64(len(c.dirs))]
		s.hard += uint64(d.hard.Load())
		s.soft += uint64(d.soft.Load())
	}
	return s
}

// add notes a change of a URL that has been made. A page that is begun afterwards
// shows it.
func (c *changes) add(url string, softly bool) {
	slot, bit, soft := c.of(url)
	for {
		old := slot.Load()
		if old&bit == 0 {
			return
		}
		if softly {
			soft.Add(1)
			break
		}
		count := (old + 1) & (1<<countBits - 1)
		if slot.CompareAndSwap(old, old&^(1<<countBits-1)|count) {
			break
		}
	}
	c.round.Add(1)
}

// addBelow notes that everything below a directory was purged.
func (c *changes) addBelow(dir string, softly bool) {
	d := &c.dirs[maphash.String(c.seed, dir)%uint64(len(c.dirs))]
	if softly {
		d.soft.Add(1)
	} else {
		d.hard.Add(1)
	}
	c.round.Add(1)
}
