package cachetest

import (
	"errors"
	"time"

	"github.com/echoic-go/echoic/cache"
)

var versionChecks = []cacheCheck{
	{"PerCall", "Version(n) per call, default from the configuration.", func(e *cacheEnv) {
		second := e.newCache(cache.Config{Version: 2})
		put(e, "k", "one")
		put(e, "k", "two", cache.Version(2))
		put(e, "k", "zero", cache.Version(0))
		hit(e, "k", "one")
		hit(e, "k", "one", cache.Version(1))
		hit(e, "k", "two", cache.Version(2))
		hitIn(e, second, "k", "two")
		hitIn(e, second, "k", "one", cache.Version(1))
		missed(e, "k", cache.Version(3))
		_, err := e.c.Delete(e.Context(), "k")
		e.ok("Delete", err)
		missed(e, "k")
		hit(e, "k", "two", cache.Version(2))
		hit(e, "k", "zero", cache.Version(0))
	}},
	{"Negative", "A negative version is an error.", func(e *cacheEnv) {
		if _, err := cache.Of[string](e.c).Set(e.Context(), "k", "x", cache.Version(-1)); err == nil {
			e.broken("Set with version -1: no error")
		}
	}},
	{"IncrVersion", "IncrVersion and DecrVersion keep value and TTL.", func(e *cacheEnv) {
		begin := time.Now()
		put(e, "k", sample(), cache.TTL(time.Hour))
		e.moves(1, 2, "k")
		missed(e, "k")
		hit(e, "k", sample(), cache.Version(2))
		e.moves(1, 3, "k", cache.Version(2))
		e.moves(-1, 2, "k", cache.Version(3))
		e.moves(-1, 1, "k", cache.Version(2))
		hit(e, "k", sample())
		e.left("k", time.Hour, begin)
	}},
	{"IncrVersionForever", "IncrVersion keeps Forever.", func(e *cacheEnv) {
		put(e, "k", "x", cache.TTL(cache.Forever))
		e.moves(1, 2, "k")
		ttl, found, err := e.c.TTL(e.Context(), "k", cache.Version(2))
		e.ok("TTL", err)
		if ttl != cache.Forever || !found {
			e.broken("TTL after IncrVersion = %v, %v", ttl, found)
		}
	}},
	{"IncrVersionNil", "IncrVersion keeps the value, also nil.", func(e *cacheEnv) {
		put[*record](e, "k", nil)
		e.moves(1, 2, "k")
		hit[*record](e, "k", nil, cache.Version(2))
		missed(e, "k")
	}},
	{"IncrVersionCounter", "IncrVersion keeps counters.", func(e *cacheEnv) {
		begin := time.Now()
		put(e, "k", 5, cache.TTL(time.Hour))
		e.moves(1, 2, "k")
		missed(e, "k")
		n, err := e.c.Incr(e.Context(), "k", 1, cache.Version(2))
		e.ok("Incr", err)
		if n != 6 {
			e.broken("Incr after IncrVersion = %d, want 6", n)
		}
		e.moves(-1, 1, "k", cache.Version(2))
		e.left("k", time.Hour, begin)
	}},
	{"IncrVersionTags", "IncrVersion keeps tags.", func(e *cacheEnv) {
		if e.caps.NoCounter {
			return
		}
		put(e, "k", "x", cache.WithTags("t"))
		e.moves(1, 2, "k")
		e.purges("t")
		missed(e, "k", cache.Version(2))
	}},
	{"IncrVersionMissing", "IncrVersion of what is not there is ErrNotFound.", func(e *cacheEnv) {
		put(e, "over", "x", cache.TTL(brief))
		e.over("over")
		for _, key := range []string{"never", "over"} {
			if _, err := e.c.IncrVersion(e.Context(), key); !errors.Is(err, cache.ErrNotFound) {
				e.broken("IncrVersion of a missing key: %v", err)
			}
			if _, err := e.c.DecrVersion(e.Context(), key); !errors.Is(err, cache.ErrNotFound) {
				e.broken("DecrVersion of a missing key: %v", err)
			}
		}
	}},
	{"IncrVersionOverwrites", "IncrVersion replaces what the next version held.", func(e *cacheEnv) {
		put(e, "k", "one")
		put(e, "k", "two", cache.Version(2))
		e.moves(1, 2, "k")
		hit(e, "k", "one", cache.Version(2))
		missed(e, "k")
	}},
}

// moves calls IncrVersion or DecrVersion and checks the version it returns.
func (e *cacheEnv) moves(by, want int, key string, opts ...cache.Option) {
	e.Helper()
	move := e.c.IncrVersion
	if by < 0 {
		move = e.c.DecrVersion
	}
	n, err := move(e.Context(), key, opts...)
	e.ok("moving the version", err)
	if n != want {
		e.broken("moving the version of %q by %d = %d, want %d", key, by, n, want)
	}
}
