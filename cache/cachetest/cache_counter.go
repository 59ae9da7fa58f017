package cachetest

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
)

var cacheCounterChecks = []cacheCheck{
	{"IncrDecr", "Incr adds and Decr subtracts; both return the result.", func(e *cacheEnv) {
		put(e, "k", 10)
		e.counts("k", 5, 15)
		e.counts("k", -20, -5)
		n, err := e.c.Decr(e.Context(), "k", 3)
		e.ok("Decr", err)
		if n != -8 {
			e.broken("Decr(3) from -5 = %d", n)
		}
		hit(e, "k", -8)
		hit(e, "k", int64(-8))
		hit[any](e, "k", int64(-8))
	}},
	{"AllIntegers", "Incr works on what Set, Add, SetMany and GetOrSet stored, whatever the integer type.", func(e *cacheEnv) {
		put(e, "int8", int8(1))
		put(e, "uint64", uint64(1))
		put(e, "any", any(1))
		_, err := cache.Of[int](e.c).Add(e.Context(), "add", 1)
		e.ok("Add", err)
		_, err = cache.Of[int32](e.c).SetMany(e.Context(), map[string]int32{"many": 1})
		e.ok("SetMany", err)
		one := func(context.Context) (int, error) { return 1, nil }
		_, err = cache.Of[int](e.c).GetOrSet(e.Context(), "load", one)
		e.ok("GetOrSet", err)
		_, err = cache.Of[int](e.c).GetOrSet(e.Context(), "load with TTL", one, cache.TTL(time.Hour))
		e.ok("GetOrSet", err)
		for _, key := range []string{"int8", "uint64", "any", "add", "many", "load", "load with TTL"} {
			e.counts(key, 1, 2)
			e.counts(key, 1, 3)
			hit(e, key, 3)
		}
	}},
	{"Missing", "A missing key is ErrNotFound, and stays missing.", func(e *cacheEnv) {
		put(e, "over", 1, cache.TTL(brief))
		e.over("over")
		for _, key := range []string{"never", "over"} {
			e.countFails(key, 1, cache.ErrNotFound)
			_, err := e.c.Decr(e.Context(), key, 1)
			if !errors.Is(err, cache.ErrNotFound) {
				e.broken("Decr of a missing key: %v", err)
			}
			missed(e, key)
		}
	}},
	{"KeepsTTL", "Incr keeps the TTL.", func(e *cacheEnv) {
		if e.caps.NoExpirer {
			return
		}
		begin := time.Now()
		put(e, "hour", 1, cache.TTL(time.Hour))
		e.counts("hour", 1, 2)
		e.left("hour", time.Hour, begin)
		put(e, "forever", 1, cache.TTL(cache.Forever))
		e.counts("forever", 1, 2)
		e.leftIs("forever", cache.Forever, true)
		begin = time.Now()
		_, err := cache.Of[int](e.c).GetOrSet(e.Context(), "load", func(context.Context) (int, error) { return 1, nil }, cache.TTL(time.Hour))
		e.ok("GetOrSet", err)
		e.counts("load", 1, 2)
		e.left("load", time.Hour, begin)
	}},
	{"IncrWithTTL", "IncrWithTTL creates where nothing is, with its TTL, and else keeps the TTL.", func(e *cacheEnv) {
		begin := time.Now()
		for want := range int64(3) {
			n, err := e.c.IncrWithTTL(e.Context(), "k", 1, cache.TTL(time.Hour))
			e.ok("IncrWithTTL", err)
			if n != want+1 {
				e.broken("IncrWithTTL = %d, want %d", n, want+1)
			}
		}
		if e.caps.NoExpirer {
			return
		}
		e.left("k", time.Hour, begin)
		_, err := e.c.IncrWithTTL(e.Context(), "k", 1, cache.TTL(cache.Forever))
		e.ok("IncrWithTTL", err)
		e.left("k", time.Hour, begin)
		e.cacheLifetime("brief", brief, func() {
			_, err := e.c.IncrWithTTL(e.Context(), "brief", 7, cache.TTL(brief))
			e.ok("IncrWithTTL", err)
		})
	}},
	{"IncrWithTTLNothing", "IncrWithTTL with a TTL of 0 or less where nothing is: the sum is returned, nothing stays.", func(e *cacheEnv) {
		n, err := e.c.IncrWithTTL(e.Context(), "k", 7, cache.TTL(0))
		e.ok("IncrWithTTL", err)
		if n != 7 {
			e.broken("IncrWithTTL = %d, want 7", n)
		}
		missed(e, "k")
		put(e, "k", 5) // and else the TTL does not count
		n, err = e.c.IncrWithTTL(e.Context(), "k", 7, cache.TTL(0))
		e.ok("IncrWithTTL", err)
		if n != 12 {
			e.broken("IncrWithTTL of a counter that is 5 = %d, want 12", n)
		}
		if _, err = e.c.IncrWithTTL(e.Context(), "", 7, cache.TTL(0)); !errors.Is(err, cache.ErrInvalidKey) {
			e.broken("IncrWithTTL with an empty key: %v", err)
		}
	}},
	{"IncrWithTTLRace", "IncrWithTTL creates atomically: of many at once none is lost.", func(e *cacheEnv) {
		e.countRace("k", func(ctx context.Context) (int64, error) {
			return e.c.IncrWithTTL(ctx, "k", 1, cache.TTL(time.Hour))
		})
	}},
	{"Race", "Incr is atomic on every backend: of many at once none is lost.", func(e *cacheEnv) {
		put(e, "k", 0)
		e.countRace("k", func(ctx context.Context) (int64, error) { return e.c.Incr(ctx, "k", 1) })
	}},
	{"RaceEnvelope", "Incr is atomic also on an integer that GetOrSet stored with a TTL.", func(e *cacheEnv) {
		_, err := cache.Of[int](e.c).GetOrSet(e.Context(), "k", func(context.Context) (int, error) { return 0, nil }, cache.TTL(time.Hour))
		e.ok("GetOrSet", err)
		e.countRace("k", func(ctx context.Context) (int64, error) { return e.c.Incr(ctx, "k", 1) })
	}},
	{"Tags", "Tags are refused.", func(e *cacheEnv) {
		put(e, "k", 1)
		if _, err := e.c.Incr(e.Context(), "k", 1, cache.WithTags("t")); !errors.Is(err, cache.ErrTaggedCounter) {
			e.broken("Incr with tags: %v", err)
		}
		if _, err := e.c.IncrWithTTL(e.Context(), "new", 1, cache.WithTags("t")); !errors.Is(err, cache.ErrTaggedCounter) {
			e.broken("IncrWithTTL with tags: %v", err)
		}
		hit(e, "k", 1)
		missed(e, "new")
		put(e, "tagged", 1, cache.WithTags("t"))
		e.countFails("tagged", 1, cache.ErrNotInteger)
		hit(e, "tagged", 1)
	}},
	{"NotInteger", "A value that is no integer is a typed error, and stays.", func(e *cacheEnv) {
		put(e, "text", "five")
		put(e, "digits", "5") // text, even if it looks like a number
		put(e, "float", 1.5)
		put(e, "struct", sample())
		put[*int](e, "nil", nil)
		put(e, "big", uint64(math.MaxUint64))
		for _, key := range []string{"text", "digits", "float", "struct", "nil", "big"} {
			e.countFails(key, 1, cache.ErrNotInteger)
		}
		hit(e, "text", "five")
		hit(e, "digits", "5")
		hit(e, "float", 1.5)
		hit(e, "struct", sample())
		hit(e, "big", uint64(math.MaxUint64))
	}},
	{"Overflow", "Overflow is a typed error, and the value stays.", func(e *cacheEnv) {
		put(e, "max", int64(math.MaxInt64))
		put(e, "min", int64(math.MinInt64))
		e.countFails("max", 1, cache.ErrOverflow)
		e.countFails("min", -1, cache.ErrOverflow)
		if _, err := e.c.Decr(e.Context(), "min", 1); !errors.Is(err, cache.ErrOverflow) {
			e.broken("Decr below 64 bits: %v", err)
		}
		if _, err := e.c.Decr(e.Context(), "max", math.MinInt64); !errors.Is(err, cache.ErrOverflow) {
			e.broken("Decr by the smallest integer: %v", err)
		}
		hit(e, "max", int64(math.MaxInt64))
		hit(e, "min", int64(math.MinInt64))
	}},
	{"Version", "Counters have versions.", func(e *cacheEnv) {
		put(e, "k", 1)
		put(e, "k", 100, cache.Version(2))
		n, err := e.c.Incr(e.Context(), "k", 1, cache.Version(2))
		e.ok("Incr", err)
		if n != 101 {
			e.broken("Incr of version 2 = %d", n)
		}
		hit(e, "k", 1)
	}},
}

func (e *cacheEnv) counts(key string, delta, want int64) {
	e.Helper()
	n, err := e.c.Incr(e.Context(), key, delta)
	e.ok("Incr of "+key, err)
	if n != want {
		e.broken("Incr(%q, %+d) = %d, want %d", key, delta, n, want)
	}
}

func (e *cacheEnv) countFails(key string, delta int64, want error) {
	e.Helper()
	n, err := e.c.Incr(e.Context(), key, delta)
	if !errors.Is(err, want) {
		e.broken("Incr(%q, %+d) = %d, %v, want an error that wraps %q", key, delta, n, err, want)
	}
}

func (e *cacheEnv) countRace(key string, incr func(ctx context.Context) (int64, error)) {
	e.Helper()
	const callers, times = 10, 20
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range times {
				if _, err := incr(e.Context()); err != nil {
					e.broken("Incr: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	hit(e, key, callers*times)
}
