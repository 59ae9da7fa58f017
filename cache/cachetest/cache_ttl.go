package cachetest

import (
	"time"

	"github.com/echoic-go/echoic/cache"
)

var ttlChecks = []cacheCheck{
	{"Default", "Not given: the default, 300 s unless the cache has another.", func(e *cacheEnv) {
		if e.c.DefaultTTL() != 300*time.Second {
			e.broken("DefaultTTL = %v", e.c.DefaultTTL())
		}
		begin := time.Now()
		put(e, "k", "x")
		e.left("k", 300*time.Second, begin)
		own := e.newCache(cache.Config{TTL: brief})
		putIn(e, own, "own", "x")
		e.over("own")
	}},
	{"Forever", "Forever: the value does not expire.", func(e *cacheEnv) {
		put(e, "k", "x", cache.TTL(cache.Forever))
		e.leftIs("k", cache.Forever, true)
		forever := e.newCache(cache.Config{TTL: cache.Forever})
		putIn(e, forever, "own", "x")
		e.leftIs("own", cache.Forever, true)
	}},
	{"Nothing", "0 or negative: not stored, an existing value is removed.", func(e *cacheEnv) {
		for _, ttl := range []time.Duration{0, -1, -time.Hour} {
			e.sets(false, "k", "x", cache.TTL(ttl))
			missed(e, "k")
			put(e, "k", "x")
			e.sets(false, "k", "y", cache.TTL(ttl))
			missed(e, "k")
		}
	}},
	{"NothingMany", "0 or negative: in SetMany too.", func(e *cacheEnv) {
		put(e, "a", "x")
		failed, err := cache.Of[string](e.c).SetMany(e.Context(), map[string]string{"a": "y", "b": "y"}, cache.TTL(0))
		e.ok("SetMany", err)
		if len(failed) != 0 {
			e.broken("SetMany with TTL 0 failed for %q", failed)
		}
		missed(e, "a")
		missed(e, "b")
	}},
	{"Fractions", "Fractions of a second are honoured to the millisecond.", func(e *cacheEnv) {
		for _, ttl := range []time.Duration{37 * time.Millisecond, 151 * time.Millisecond} {
			e.cacheLifetime("k", ttl, func() { put(e, "k", "x", cache.TTL(ttl)) })
		}
	}},
	{"BelowMillisecond", "A positive TTL is not nothing, however short: the value is stored.", func(e *cacheEnv) {
		e.sets(true, "k", "x", cache.TTL(time.Nanosecond))
		e.over("k")
	}},
	{"Long", "Any length, also above 30 days.", func(e *cacheEnv) {
		for _, ttl := range []time.Duration{31 * day, 366 * day, 3650 * day} {
			begin := time.Now()
			put(e, "k", "x", cache.TTL(ttl))
			hit(e, "k", "x")
			e.left("k", ttl, begin)
		}
		put(e, "k", "x", cache.TTL(cache.Forever-1))
		hit(e, "k", "x")
	}},
}

var cacheExpiryChecks = []cacheCheck{
	{"TTL", "TTL tells missing, forever and remaining apart.", func(e *cacheEnv) {
		e.leftIs("never", 0, false)
		put(e, "forever", "x", cache.TTL(cache.Forever))
		e.leftIs("forever", cache.Forever, true)
		begin := time.Now()
		put(e, "left", "x", cache.TTL(time.Hour))
		put(e, "counter", 5, cache.TTL(time.Hour))
		e.left("left", time.Hour, begin)
		e.left("counter", time.Hour, begin)
		put(e, "over", "x", cache.TTL(brief))
		e.over("over")
		e.leftIs("over", 0, false)
	}},
	{"TouchDefault", "Touch with no TTL applies the default.", func(e *cacheEnv) {
		for key, value := range map[string]any{"value": "x", "counter": 5} {
			put(e, key, value, cache.TTL(time.Hour))
			begin := time.Now()
			e.touched(true, key)
			e.left(key, 300*time.Second, begin)
		}
		hit(e, "value", "x")
		hit(e, "counter", 5)
	}},
	{"TouchTTL", "Touch with a TTL applies it.", func(e *cacheEnv) {
		for key, value := range map[string]any{"value": "x", "counter": 5, "nil": nil} {
			put(e, key, value)
			begin := time.Now()
			e.touched(true, key, cache.TTL(time.Hour))
			e.left(key, time.Hour, begin)
			e.cacheLifetime(key, brief, func() { e.touched(true, key, cache.TTL(brief)) })
		}
	}},
	{"TouchForever", "Touch with Forever persists, and is true also for a key that already is forever.", func(e *cacheEnv) {
		for key, value := range map[string]any{"value": "x", "counter": 5} {
			put(e, key, value, cache.TTL(time.Hour))
			for range 3 {
				e.touched(true, key, cache.TTL(cache.Forever))
				e.leftIs(key, cache.Forever, true)
			}
		}
		hit(e, "value", "x")
	}},
	{"TouchMissing", "Touch of what is not there is false, and makes nothing.", func(e *cacheEnv) {
		put(e, "over", "x", cache.TTL(brief))
		e.over("over")
		for _, key := range []string{"never", "over"} {
			e.touched(false, key)
			e.touched(false, key, cache.TTL(cache.Forever))
			missed(e, key)
		}
	}},
	{"TouchNothing", "Touch with 0 or less removes the value.", func(e *cacheEnv) {
		for _, ttl := range []time.Duration{0, -time.Minute} {
			for key, value := range map[string]any{"value": "x", "counter": 5} {
				put(e, key, value)
				e.touched(true, key, cache.TTL(ttl))
				missed(e, key)
				e.touched(false, key, cache.TTL(ttl))
			}
		}
	}},
	{"ExpireAt", "ExpireAt ends the life of the value at an instant.", func(e *cacheEnv) {
		put(e, "k", "x")
		begin := time.Now()
		done, err := e.c.ExpireAt(e.Context(), "k", begin.Add(time.Hour))
		e.ok("ExpireAt", err)
		if !done {
			e.broken("ExpireAt of a value = false")
		}
		e.left("k", time.Hour, begin)
		e.cacheLifetime("k", brief, func() {
			_, err := e.c.ExpireAt(e.Context(), "k", time.Now().Add(brief))
			e.ok("ExpireAt", err)
		})
		done, err = e.c.ExpireAt(e.Context(), "k", time.Now().Add(time.Hour))
		e.ok("ExpireAt", err)
		if done {
			e.broken("ExpireAt of what is not there = true")
		}
	}},
	{"ExpireAtPast", "ExpireAt with an instant that has passed removes the value.", func(e *cacheEnv) {
		put(e, "k", "x")
		done, err := e.c.ExpireAt(e.Context(), "k", time.Now().Add(-time.Second))
		e.ok("ExpireAt", err)
		if !done {
			e.broken("ExpireAt of a value = false")
		}
		missed(e, "k")
	}},
	{"Versions", "Touch, TTL, ExpireAt and Has take a version.", func(e *cacheEnv) {
		put(e, "k", "x", cache.Version(2), cache.TTL(time.Hour))
		e.touched(false, "k")
		e.touched(true, "k", cache.Version(2), cache.TTL(cache.Forever))
		ttl, found, err := e.c.TTL(e.Context(), "k", cache.Version(2))
		e.ok("TTL", err)
		has, err := e.c.Has(e.Context(), "k", cache.Version(2))
		e.ok("Has", err)
		if ttl != cache.Forever || !found || !has {
			e.broken("version 2: TTL = %v, %v; Has = %v", ttl, found, has)
		}
	}},
}

func (e *cacheEnv) touched(want bool, key string, opts ...cache.Option) {
	e.Helper()
	found, err := e.c.Touch(e.Context(), key, opts...)
	e.ok("Touch", err)
	if found != want {
		e.broken("Touch(%q) = %v, want %v", key, found, want)
	}
}

func (e *cacheEnv) leftIs(key string, want time.Duration, wantFound bool) {
	e.Helper()
	ttl, found, err := e.c.TTL(e.Context(), key)
	e.ok("TTL", err)
	if ttl != want || found != wantFound {
		e.broken("TTL(%q) = %v, %v, want %v, %v", key, ttl, found, want, wantFound)
	}
}

// left checks the rest of a life of ttl that began no earlier than begin.
func (e *cacheEnv) left(key string, ttl time.Duration, begin time.Time) {
	e.Helper()
	left, found, err := e.c.TTL(e.Context(), key)
	e.ok("TTL", err)
	if !found {
		e.brokenNow("TTL(%q) finds nothing", key)
	}
	e.between(left, ttl, begin)
}

// cacheLifetime is lifetime for what a cache holds.
func (e *cacheEnv) cacheLifetime(key string, ttl time.Duration, begin func()) {
	e.Helper()
	e.watch(ttl, begin, func() (bool, error) { return e.c.Has(e.Context(), key) })
}
