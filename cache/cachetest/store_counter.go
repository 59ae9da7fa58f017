package cachetest

import (
	"errors"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
)

var counterChecks = []check{
	{"Adds", "Incr adds delta, which may be negative, and returns the sum.", func(e *env) {
		key := e.key("k")
		e.set(key, "10", cache.Forever)
		e.incr(key, 5, nil, 15)
		e.incr(key, -40, nil, -25)
		e.incr(key, 0, nil, -25)
		e.incr(key, 25, nil, 0)
	}},
	{"Digits", "The integer is kept as its decimal digits, so that Get returns them.", func(e *env) {
		key := e.key("k")
		for _, c := range []struct {
			delta int64
			want  string
		}{{7, "7"}, {-17, "-10"}, {10, "0"}, {math.MaxInt64, "9223372036854775807"}, {-math.MaxInt64, "0"}, {math.MinInt64, "-9223372036854775808"}} {
			n, err := strconv.ParseInt(c.want, 10, 64)
			e.ok("ParseInt", err)
			e.incr(key, c.delta, &cache.Initial{TTL: cache.Forever}, n)
			e.holds(key, c.want)
		}
	}},
	{"Missing", "Where nothing is, Incr returns ErrNotFound if create is nil, and makes nothing.", func(e *env) {
		e.incrFails(e.key("k"), 1, nil, cache.ErrNotFound)
		e.absent(e.key("k"))
	}},
	{"Expired", "Where what was there has expired, Incr does as where nothing is.", func(e *env) {
		key := e.key("k")
		e.set(key, "10", brief)
		e.gone(key)
		e.incrFails(key, 1, nil, cache.ErrNotFound)
		e.incr(key, 1, &cache.Initial{Value: 100, TTL: cache.Forever}, 101)
		e.holds(key, "101")
	}},
	{"Creates", "Where nothing is, Incr stores create.Initial + delta.", func(e *env) {
		e.incr(e.key("k"), 3, &cache.Initial{Value: 100, TTL: time.Hour}, 103)
		e.holds(e.key("k"), "103")
	}},
	{"CreatesWithLifetime", "Where nothing is, Incr stores the sum with create.TTL.", func(e *env) {
		key := e.key("k")
		e.lifetime(key, brief, func() { e.incr(key, 1, &cache.Initial{TTL: brief}, 1) })
		e.incr(key, 1, &cache.Initial{TTL: cache.Forever}, 1)
		e.keepsLifetime(key, cache.Forever, time.Time{})
	}},
	{"CreateIgnored", "Where a value is, create has no effect.", func(e *env) {
		key := e.key("k")
		e.set(key, "10", cache.Forever)
		e.incr(key, 1, &cache.Initial{Value: 1000, TTL: brief}, 11)
		e.keepsLifetime(key, cache.Forever, time.Time{})
	}},
	{"KeepsLifetime", "Incr keeps the lifetime.", func(e *env) {
		key := e.key("k")
		e.lifetime(key, 2*brief, func() {
			e.set(key, "10", 2*brief)
			if _, err := e.store.(cache.Counter).Incr(e.Context(), key, 1, nil); err != nil && !errors.Is(err, cache.ErrNotFound) {
				e.broken("Incr: %v", err)
			}
		})
		begin := time.Now()
		e.set(key, "10", time.Hour)
		e.incr(key, 1, nil, 11)
		e.keepsLifetime(key, time.Hour, begin)
	}},
	{"Overflow", "A sum beyond 64 bits is ErrOverflow, and leaves the value as it was.", func(e *env) {
		for _, c := range []struct{ from, delta int64 }{
			{math.MaxInt64, 1}, {1, math.MaxInt64}, {math.MinInt64, -1}, {-2, math.MinInt64 + 1}, {math.MinInt64, math.MinInt64},
		} {
			key := e.key(strconv.FormatInt(c.from, 10) + strconv.FormatInt(c.delta, 10))
			e.set(key, strconv.FormatInt(c.from, 10), cache.Forever)
			e.incrFails(key, c.delta, nil, cache.ErrOverflow)
			e.holds(key, strconv.FormatInt(c.from, 10))
		}
	}},
	{"OverflowCreating", "A sum beyond 64 bits is ErrOverflow where nothing is too, and makes nothing.", func(e *env) {
		e.incrFails(e.key("k"), math.MaxInt64, &cache.Initial{Value: 1, TTL: cache.Forever}, cache.ErrOverflow)
		e.incrFails(e.key("k"), math.MinInt64, &cache.Initial{Value: -1, TTL: cache.Forever}, cache.ErrOverflow)
		e.absent(e.key("k"))
	}},
	{"Edges", "All integers of 64 bits are integers.", func(e *env) {
		key := e.key("k")
		e.set(key, strconv.Itoa(math.MaxInt64-1), cache.Forever)
		e.incr(key, 1, nil, math.MaxInt64)
		e.incr(key, -math.MaxInt64, nil, 0)
		e.incr(key, math.MinInt64, nil, math.MinInt64)
		e.incr(key, math.MaxInt64, nil, -1)
		e.incr(key, math.MinInt64+1, nil, math.MinInt64)
	}},
	{"NotInteger", "A value that is no decimal integer of 64 bits is ErrNotInteger, and stays as it was.", func(e *env) {
		for i, value := range []string{
			"", " ", "abc", "1.5", "1e3", " 1", "1 ", "1\n", "0x10", "--1", "-", "1_000", "1,000", "12a", "NaN", "١", "\x00\xff",
			"9223372036854775808", "-9223372036854775809", "99999999999999999999999999",
		} {
			key := e.key("k" + itoa(i))
			e.set(key, value, cache.Forever)
			e.incrFails(key, 1, &cache.Initial{TTL: cache.Forever}, cache.ErrNotInteger)
			e.holds(key, value)
		}
	}},
	{"Race", "Incr is atomic: many at once give the exact sum.", func(e *env) {
		e.set(e.key("k"), "1000", cache.Forever)
		e.incrRace(e.key("k"), nil, 1000, e.store)
	}},
	{"RaceCreating", "Incr creates in the same atomic step: many at once give the exact sum.", func(e *env) {
		e.incrRace(e.key("k"), &cache.Initial{Value: 1000, TTL: cache.Forever}, 1000, e.store)
	}},
	{"RaceExpired", "Incr over an expired value is one atomic step too.", func(e *env) {
		e.set(e.key("k"), "5", brief)
		e.gone(e.key("k"))
		e.incrRace(e.key("k"), &cache.Initial{Value: 1000, TTL: cache.Forever}, 1000, e.store)
	}},
}

// sharedCounterChecks are for several clients of one server.
var sharedCounterChecks = []check{
	{"RaceShared", "Incr is atomic across the clients of one server.", func(e *env) {
		e.incrRace(e.key("k"), &cache.Initial{Value: 1000, TTL: cache.Forever}, 1000, e.store, e.fresh(), e.fresh())
	}},
}

func (e *env) incr(key string, delta int64, create *cache.Initial, want int64) {
	e.Helper()
	sum, err := e.store.(cache.Counter).Incr(e.Context(), key, delta, create)
	e.ok("Incr", err)
	if sum != want {
		e.broken("Incr(%+d) = %d, want %d", delta, sum, want)
	}
}

func (e *env) incrFails(key string, delta int64, create *cache.Initial, want error) {
	e.Helper()
	sum, err := e.store.(cache.Counter).Incr(e.Context(), key, delta, create)
	if !errors.Is(err, want) {
		e.broken("Incr(%+d) = %d, %v, want an error that wraps %q", delta, sum, err, want)
	}
}

// keepsLifetime checks a remaining lifetime where the store can tell it.
func (e *env) keepsLifetime(key string, ttl time.Duration, begin time.Time) {
	e.Helper()
	switch {
	case e.caps.NoExpirer:
	case ttl == cache.Forever:
		e.ttlIs(key, cache.Forever, true)
	default:
		e.ttlLeft(key, ttl, begin)
	}
}

// incrRace adds 400 times from 16 goroutines and checks the sum, which starts at
// from, and that no two callers saw the same one.
func (e *env) incrRace(key string, create *cache.Initial, from int64, stores ...cache.Store) {
	e.Helper()
	const callers, times = 16, 25
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := make(map[int64]int)
	for i := range callers {
		store := stores[i%len(stores)].(cache.Counter)
		wg.Go(func() {
			for range times {
				sum, err := store.Incr(e.Context(), key, 1, create)
				if err != nil {
					e.broken("Incr: %v", err)
					return
				}
				mu.Lock()
				seen[sum]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	e.holds(key, strconv.FormatInt(from+callers*times, 10))
	if len(seen) != callers*times {
		e.broken("%d calls of Incr returned only %d different sums", callers*times, len(seen))
	}
}
