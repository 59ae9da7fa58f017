package pagecache

import (
	"hash/maphash"
	"maps"
	"sync"
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
// it: not those of forms that are never read. Directories that were purged are
// known by name, which no visitor adds to; when they are very many, all pages fall.
type changes struct {
	seed maphash.Seed
	// round counts all changes. While it stands still, no page has to look.
	round atomic.Uint64
	// The lower half of each counts, the upper half has a bit for some of the
	// URLs of which a page was made.
	slots  [1 << 14]atomic.Uint64
	softly [1 << 12]atomic.Uint32

	mu   sync.Mutex
	dirs atomic.Pointer[purgedDirectories] // copied when it changes; nil if there are none
}

const (
	countBits            = 32
	maxPurgedDirectories = 4096
)

// purgedDirectories counts purges of directories. All pages begin at base.
type purgedDirectories struct {
	base, sum seen
	counts    map[string]seen
}

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
	purged := c.dirs.Load()
	if purged == nil {
		return s
	}
	s = s.plus(purged.base)
	for dir := range directories(url) {
		s = s.plus(purged.counts[dir])
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
	one := seen{hard: 1}
	if softly {
		one = seen{soft: 1}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next := purgedDirectories{counts: make(map[string]seen)}
	if old := c.dirs.Load(); old != nil {
		next.base, next.sum = old.base, old.sum
		maps.Copy(next.counts, old.counts)
	}
	if next.sum = next.sum.plus(one); len(next.counts) >= maxPurgedDirectories {
		// Above all that any page has seen.
		next.base, next.sum = next.base.plus(next.sum).plus(seen{hard: 1}), seen{}
		clear(next.counts)
	}
	next.counts[dir] = next.counts[dir].plus(one)
	c.dirs.Store(&next)
	c.round.Add(1)
}

func (s seen) plus(o seen) seen { return seen{s.hard + o.hard, s.soft + o.soft} }
