package near

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/internal/bounded"
)

// Tier holds decoded values in this process. Nothing in it blocks. It is safe
// for concurrent use.
type Tier struct {
	cfg     Config
	seed    maphash.Seed
	stripes [stripeCount]stripe
	values  *shelf
	control *shelf

	// era is the number that every item held carries. Adding one drops them
	// all, those included whose fills are under way: their stamps are of the
	// era before.
	era      atomic.Uint64
	epoch    cache.Epoch
	verified atomic.Bool
	watching atomic.Int64  // keys
	over     chan struct{} // closed: what a watch gets that cannot be kept
	counts   counts

	mu    sync.Mutex // feeds, since, closed, and every change of verified
	feeds []*Feed
	since time.Time // since when verified is what it is
	ended bool
}

var _ cache.Near = (*Tier)(nil)

// New makes an empty tier, which is unverified until a feed is up. Goroutines
// remove what has expired; Close stops them.
func New(cfg Config) (*Tier, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	t := &Tier{cfg: cfg, seed: maphash.MakeSeed(), over: make(chan struct{})}
	close(t.over)
	if t.values, err = newShelf(bounded.NewLimits(cfg.MaxEntries, cfg.MaxBytes-cfg.ControlBytes), cfg.Now); err != nil {
		return nil, err
	}
	if t.control, err = newShelf(bounded.NewLimits(0, cfg.ControlBytes), cfg.Now); err != nil {
		t.values.close()
		return nil, err
	}
	t.since = t.now()
	return t, nil
}

// IsControl reports whether key is a control key: a token of a tag, a
// generation, or something else by which a cache knows what is valid.
func (t *Tier) IsControl(key string) bool {
	for _, prefix := range t.cfg.Prefixes {
		if strings.HasPrefix(key, prefix) && strings.HasPrefix(key[len(prefix):], controlMark) {
			return true
		}
	}
	return false
}

func (t *Tier) shelf(key string) *shelf {
	if t.IsControl(key) {
		return t.control
	}
	return t.values
}

// Get implements cache.Near. It allocates nothing and takes no lock. Who wants
// only what is up to date asks Verified first, and then Get: in the other order
// something may be taken for verified that was dropped in between.
func (t *Tier) Get(key string) (value any, found bool) {
	it := t.shelf(key).get(key)
	if it == nil || it.era != t.era.Load() {
		t.counts.missed()
		return nil, false
	}
	t.counts.found()
	return it.value, true
}

// Stamp implements cache.Near.
func (t *Tier) Stamp(key string) cache.Stamp {
	return stampOf(t.era.Load(), t.stripe(key).count.Load())
}

// Put implements cache.Near. The time is cut to Config.MaxTTL; with zero or less
// nothing is held. Key and bookkeeping count besides size. What is larger than
// all that may be held is refused, and what was held for the key is dropped.
func (t *Tier) Put(key string, value any, size int, ttl time.Duration, stamp cache.Stamp) bool {
	if ttl <= 0 {
		t.counts.refused.Add(1)
		return false
	}
	if !t.verified.Load() {
		t.counts.unverified.Add(1)
		return false
	}
	// Should the era change after this, the item is of the one before.
	era := t.era.Load()
	shelf, s := t.shelf(key), t.stripe(key)
	it := shelf.newItem(key, value, size, min(ttl, t.cfg.MaxTTL), era)
	s.mu.Lock()
	if stampOf(era, s.count.Load()) != stamp {
		s.mu.Unlock()
		t.counts.outrun.Add(1)
		return false
	}
	stored := it != nil && shelf.put(key, it)
	if !stored {
		shelf.drop(key)
	}
	s.mu.Unlock()
	if !stored {
		t.counts.refused.Add(1)
		return false
	}
	t.counts.puts.Add(1)
	shelf.trim()
	return true
}

// Forget implements cache.Near.
func (t *Tier) Forget(keys ...string) { t.Invalidate(keys...) }

// Invalidate drops the keys and what is on its way to them: somebody has changed
// them. It is what a feed calls for each change that it hears of. If one of them
// is a control key the epoch changes, whether it was held or not. When Invalidate
// returns, nothing of before is found any more.
func (t *Tier) Invalidate(keys ...string) {
	control := false
	for _, key := range keys {
		shelf := t.shelf(key)
		s := t.stripe(key)
		s.mu.Lock()
		s.count.Add(1)
		shelf.drop(key)
		w := t.unwatch(s, key)
		s.mu.Unlock()
		w.end()
		control = control || shelf == t.control
	}
	t.counts.invalidations.Add(uint64(len(keys)))
	if control {
		// After the drop: who sees the new epoch does not find the old token.
		t.epoch.Advance()
	}
}

// DropAll drops everything that is held or under way, in one step whatever its
// number. It is for feeds that hear that anything may have changed.
func (t *Tier) DropAll() {
	t.era.Add(1)
	t.endWatches()
	t.epoch.Advance()
}

// Epoch implements cache.Near. It also changes when everything is dropped.
func (t *Tier) Epoch() *cache.Epoch { return &t.epoch }

// Verified implements cache.Near: it reports whether there is a feed and all
// feeds are up.
func (t *Tier) Verified() bool { return t.verified.Load() }

// Close drops everything, ends all watches, stops the tier's goroutines and waits
// for them. After it nothing is found, nothing is held, and the tier is
// unverified for good; feeds may go on calling it. It is idempotent.
func (t *Tier) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil
	}
	t.ended = true
	t.setVerified(false)
	t.values.close()
	t.control.close()
	return nil
}

func (t *Tier) now() time.Time {
	if t.cfg.Now != nil {
		return t.cfg.Now()
	}
	return time.Now()
}
