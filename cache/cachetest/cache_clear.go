package cachetest

import (
	"context"
	"strings"

	"github.com/echoic-go/echoic/cache"
)

var clearChecks = []cacheCheck{
	{"Everything", "Clear drops this cache's prefix: values of all versions, counters, and the tagged.", func(e *cacheEnv) {
		put(e, "k", "x")
		put(e, "k", "x", cache.Version(2))
		put(e, "counter", 5)
		put(e, "forever", "x", cache.TTL(cache.Forever))
		e.clears(e.c)
		for _, key := range []string{"k", "counter", "forever"} {
			missed(e, key)
		}
		missed(e, "k", cache.Version(2))
		removed, err := e.c.Delete(e.Context(), "k")
		e.ok("Delete", err)
		if removed {
			e.broken("Delete finds what Clear dropped")
		}
		if !e.caps.NoExpirer {
			e.leftIs("forever", 0, false)
		}
	}},
	{"NothingElse", "Clear drops this cache's prefix and nothing else.", func(e *cacheEnv) {
		prefix := e.c.Prefix()
		others := []*cache.Cache{
			e.newCache(cache.Config{Prefix: prefix + "2"}),
			e.newCache(cache.Config{Prefix: prefix + ":inner"}),
			e.newCache(cache.Config{Prefix: prefix + ":1"}),
			e.newCache(cache.Config{Prefix: prefix + ":1:x"}),
			e.newCache(cache.Config{Prefix: "x" + prefix}),
		}
		for _, other := range others {
			putIn(e, other, "k", other.Prefix())
			putIn(e, other, "counter", 5)
		}
		raw := e.key("raw") // of a program that is not Echoic
		e.set(raw, "x", cache.Forever)
		e.clears(e.c)
		e.sweeps(e.c)
		for _, other := range others {
			hitIn(e, other, "k", other.Prefix())
			hitIn(e, other, "counter", 5)
		}
		e.holds(raw, "x")
	}},
	{"AtOnce", "Clear takes effect at once, for everybody who uses the prefix; behind a near tier, as soon as it hears.", func(e *cacheEnv) {
		other := e.newCache(cache.Config{})
		put(e, "k", "x")
		hitIn(e, other, "k", "x")
		e.clears(e.c)
		e.hears(other, "k")
		putIn(e, other, "k", "y")
		hit(e, "k", "y")
		e.clears(other)
		e.hears(e.c, "k")
	}},
	{"UsableAfter", "After Clear the cache works as before.", func(e *cacheEnv) {
		for i := range 3 {
			put(e, "k", i)
			hit(e, "k", i)
			e.clears(e.c)
			e.adds(true, "k", "again")
		}
	}},
	{"InFlight", "What is being made while the cache is cleared is lost.", func(e *cacheEnv) {
		_, err := cache.Of[string](e.c).GetOrSet(e.Context(), "k", func(ctx context.Context) (string, error) {
			return "old", e.c.Clear(ctx)
		})
		e.ok("GetOrSet", err)
		missed(e, "k")
	}},
	{"Frees", "Garbage is freed in the background; Sweep does it right away.", func(e *cacheEnv) {
		lister, ok := e.store.(cache.Lister)
		if !ok {
			return
		}
		const n = 1100 // more than a batch
		values := make(map[string]string, n)
		for i := range n {
			values["k"+itoa(i)] = strings.Repeat("x", 10)
		}
		_, err := cache.Of[string](e.c).SetMany(e.Context(), values)
		e.ok("SetMany", err)
		e.clears(e.c)
		put(e, "new", "x")
		e.eventually("only what was stored after Clear is left", func() bool {
			left := 0
			for key, err := range lister.Keys(e.Context(), e.c.Prefix()+":1:v:") {
				e.ok("Keys", err)
				if !strings.Contains(key, ":v:new") {
					left++
				}
			}
			return left == 0
		})
		hit(e, "new", "x")
	}},
	{"ClearWhileSweeping", "Sweep spares what is stored after another Clear that comes meanwhile.", func(e *cacheEnv) {
		if !e.caps.full() {
			return
		}
		store := &spyStore{Store: e.store}
		sweeping := e.newCache(cache.Config{Store: store})
		put(e, "old", "x")
		e.clears(e.c)
		store.list = func() {
			e.clears(e.c)
			put(e, "new", "x")
			put(e, "counter", 5)
		}
		e.sweeps(sweeping)
		hit(e, "new", "x")
		hit(e, "counter", 5)
	}},
	{"Sweep", "Sweep returns how many entries it freed, and spares the present ones.", func(e *cacheEnv) {
		if e.caps.NoLister {
			return
		}
		put(e, "a", "x")
		put(e, "b", "x")
		if n := e.sweeps(e.c); n != 0 {
			e.broken("Sweep of present entries = %d", n)
		}
		hit(e, "a", "x")
		hit(e, "b", "x")
	}},
}

func (e *cacheEnv) clears(c *cache.Cache) {
	e.Helper()
	e.ok("Clear", c.Clear(e.Context()))
}

func (e *cacheEnv) sweeps(c *cache.Cache) int {
	e.Helper()
	if e.caps.NoLister {
		return 0
	}
	n, err := c.Sweep(e.Context(), nil)
	e.ok("Sweep", err)
	return n
}

// hears checks that c misses key, which another cache has dropped: at once, or
// behind a near tier when that has heard of it.
func (e *cacheEnv) hears(c *cache.Cache, key string) {
	e.Helper()
	if e.caps.Near != nil {
		e.eventually("the other cache hears", func() bool {
			found, err := c.Has(e.Context(), key)
			e.ok("Has", err)
			_, held, err := cache.Of[any](c).Get(e.Context(), key)
			e.ok("Get", err)
			return !found && !held
		})
	}
	missedIn(e, c, key)
}
