package fragment

import (
	"fmt"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
)

// shelf is where fragments are kept in one cache.
type shelf struct {
	*cache.Records[entry]
	// leases: servers can tell each other who renders.
	leases bool
}

// newShelf makes one. What has holes that nobody registered was made by another
// program: it is damaged.
func newShelf(c *cache.Cache, holes *live.Set) (*shelf, error) {
	recs, err := cache.NewRecords(c, cache.RecordsConfig[entry]{
		Kind: 'f', Encode: entry.encode, Decode: decoder(holes), Size: entry.size,
	})
	if err != nil {
		return nil, err
	}
	_, swaps := c.Store().(cache.Swapper)
	return &shelf{Records: recs, leases: swaps && remote(c)}, nil
}

// remote reports whether a lookup is a trip to another process.
func remote(c *cache.Cache) bool {
	_, local := c.Store().(cache.ObjectStore)
	return !local
}

// anyRemote reports whether one of the caches is remote.
func anyRemote(cfg Config) (bool, error) {
	any := remote(cfg.Cache)
	if cfg.Caches == nil {
		return any, nil
	}
	for _, name := range cfg.Caches.Names() {
		c, err := cfg.Caches.Get(name)
		if err != nil {
			return false, err
		}
		any = any || remote(c)
	}
	return any, nil
}

// using returns the shelf in a named cache.
func (f *Fragments) using(name string) (*shelf, error) {
	f.mu.RLock()
	sh := f.named[name]
	f.mu.RUnlock()
	if sh != nil {
		return sh, nil
	}
	c, err := f.cacheNamed(name)
	if err != nil {
		return nil, err
	}
	if sh, err = newShelf(c, f.cfg.Live); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.named[name]; known != nil {
		return known, nil
	}
	f.named[name] = sh
	return sh, nil
}

// cacheNamed finds a cache by name.
func (f *Fragments) cacheNamed(name string) (*cache.Cache, error) {
	if f.cfg.Caches == nil {
		return nil, fmt.Errorf("using %q: %w: Config.Caches is not set", name, cache.ErrUnknownCache)
	}
	c, err := f.cfg.Caches.Get(name)
	if err != nil {
		return nil, fmt.Errorf("using %q: %w", name, err)
	}
	return c, nil
}
