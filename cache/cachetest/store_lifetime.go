package cachetest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

const day = 24 * time.Hour

var lifetimeChecks = []check{
	{"Expires", "A value is there for its ttl, and reads as a miss from then on.", func(e *env) {
		key := e.key("k")
		e.lifetime(key, brief, func() { e.set(key, "x", brief) })
		e.absent(key)
	}},
	{"Fractions", "Fractions of a second are honoured to the millisecond.", func(e *env) {
		for _, ttl := range []time.Duration{7 * time.Millisecond, 123 * time.Millisecond, 141500 * time.Microsecond} {
			key := e.key(ttl.String())
			e.lifetime(key, ttl, func() { e.set(key, "x", ttl) })
		}
	}},
	{"BelowMillisecond", "A ttl below one millisecond counts as one.", func(e *env) {
		for _, ttl := range []time.Duration{1, time.Microsecond, 999 * time.Microsecond} {
			key := e.key(ttl.String())
			e.lifetime(key, time.Millisecond, func() { e.set(key, "x", ttl) })
		}
	}},
	{"Forever", "A value with ttl Forever does not expire.", func(e *env) {
		key := e.key("k")
		e.set(key, "x", brief)
		e.set(key, "y", cache.Forever)
		other := e.key("other")
		e.set(other, "z", 2*brief)
		e.gone(other)
		e.holds(key, "y")
	}},
	{"Long", "A ttl may have any length, also above 30 days.", func(e *env) {
		for _, ttl := range []time.Duration{31 * day, 50 * day, 366 * day, 3650 * day, 50 * 365 * day} {
			key := e.key(ttl.String())
			begin := time.Now()
			e.set(key, "x", ttl)
			e.holds(key, "x")
			if x, ok := e.store.(cache.Expirer); ok {
				left, found, err := x.TTL(e.Context(), key)
				e.ok("TTL", err)
				if !found {
					e.brokenNow("TTL finds nothing under a value with ttl %v", ttl)
				}
				e.between(left, ttl, begin)
			}
		}
	}},
	{"NearlyForever", "A ttl may have any length, up to the longest time.Duration.", func(e *env) {
		for _, ttl := range []time.Duration{200 * 365 * day, cache.Forever - 1, cache.Forever - time.Hour} {
			key := e.key(ttl.String())
			e.set(key, "x", ttl)
			e.holds(key, "x")
		}
	}},
	{"SetShortens", "Set replaces the lifetime of what was there: by a shorter one.", func(e *env) {
		key := e.key("k")
		e.set(key, "x", cache.Forever)
		e.lifetime(key, brief, func() { e.set(key, "y", brief) })
	}},
	{"SetLengthens", "Set replaces the lifetime of what was there: by a longer one.", func(e *env) {
		key, other := e.key("k"), e.key("other")
		e.set(key, "x", brief)
		e.set(key, "y", time.Hour)
		e.set(other, "z", 2*brief)
		e.gone(other)
		e.holds(key, "y")
	}},
	{"Reading", "Reading does not lengthen a lifetime.", func(e *env) {
		key := e.key("k")
		e.lifetime(key, 2*brief, func() { e.set(key, "x", 2*brief) }) // reads all the time
	}},
}

var whenChecks = []check{
	{"AlwaysReports", "Set reports whether it stored.", func(e *env) {
		e.set(e.key("k"), "x", time.Hour)
		e.set(e.key("k"), "y", time.Hour)
	}},
	{"IfAbsent", "IfAbsent stores where nothing is.", func(e *env) {
		e.stores(true, e.key("k"), "x", time.Hour, cache.IfAbsent)
		e.holds(e.key("k"), "x")
	}},
	{"IfAbsentPresent", "IfAbsent stores only where nothing is, and else leaves value and lifetime.", func(e *env) {
		for _, value := range []string{"x", ""} { // an empty value is something
			key := e.key("k" + value)
			e.lifetime(key, 2*brief, func() {
				e.set(key, value, 2*brief)
				stored, err := e.store.Set(e.Context(), key, []byte("y"), time.Hour, cache.IfAbsent)
				e.ok("Set", err)
				got, found, err := e.store.Get(e.Context(), key)
				e.ok("Get", err)
				// Unless the machine stalled until the first value was over.
				if !stored && found && string(got) != value {
					e.broken("IfAbsent stored false, but the value is %q, want %q", got, value)
				}
				if stored {
					e.set(key, value, 2*brief)
				}
			})
		}
	}},
	{"IfAbsentFalse", "Set with IfAbsent reports false where a value is.", func(e *env) {
		e.set(e.key("k"), "x", cache.Forever)
		e.stores(false, e.key("k"), "y", time.Hour, cache.IfAbsent)
		e.holds(e.key("k"), "x")
	}},
	{"IfAbsentExpired", "IfAbsent stores where what is there has expired.", func(e *env) {
		key := e.key("k")
		e.set(key, "x", brief)
		e.gone(key)
		e.stores(true, key, "y", time.Hour, cache.IfAbsent)
		e.holds(key, "y")
	}},
	{"IfAbsentDeleted", "IfAbsent stores where a value was deleted.", func(e *env) {
		key := e.key("k")
		e.set(key, "x", cache.Forever)
		e.deletes(1, key)
		e.stores(true, key, "y", time.Hour, cache.IfAbsent)
		e.holds(key, "y")
	}},
	{"IfPresent", "IfPresent stores over a value, and replaces its lifetime.", func(e *env) {
		key := e.key("k")
		e.set(key, "x", cache.Forever)
		e.lifetime(key, brief, func() { e.stores(true, key, "y", brief, cache.IfPresent) })
	}},
	{"IfPresentAbsent", "IfPresent stores nothing where nothing is.", func(e *env) {
		e.stores(false, e.key("k"), "x", time.Hour, cache.IfPresent)
		e.absent(e.key("k"))
	}},
	{"IfPresentExpired", "IfPresent stores only over a value that has not expired.", func(e *env) {
		key := e.key("k")
		e.set(key, "x", brief)
		e.gone(key)
		e.stores(false, key, "y", time.Hour, cache.IfPresent)
		e.absent(key)
	}},
	{"RaceIfAbsent", "IfAbsent is checked and acted on in one atomic step: of 64 callers one stores.", func(e *env) {
		key := e.key("k")
		var winner atomic.Int64
		if n := e.winners(64, func(i int) (bool, error) {
			stored, err := e.store.Set(e.Context(), key, []byte(itoa(i)), time.Hour, cache.IfAbsent)
			if stored {
				winner.Store(int64(i))
			}
			return stored, err
		}); n != 1 {
			e.brokenNow("%d of 64 racing IfAbsent stored, want 1", n)
		}
		e.holds(key, itoa(int(winner.Load())))
	}},
	{"RaceIfAbsentExpired", "IfAbsent over an expired value is one atomic step too: of 64 callers one stores.", func(e *env) {
		key := e.key("k")
		e.set(key, "old", brief)
		e.gone(key)
		if n := e.winners(64, func(i int) (bool, error) {
			return e.store.Set(e.Context(), key, []byte(itoa(i)), time.Hour, cache.IfAbsent)
		}); n != 1 {
			e.broken("%d of 64 racing IfAbsent stored over an expired value, want 1", n)
		}
	}},
}

// stores calls Set and checks what it reports.
func (e *env) stores(want bool, key, value string, ttl time.Duration, when cache.When) {
	e.Helper()
	stored, err := e.store.Set(e.Context(), key, []byte(value), ttl, when)
	e.ok("Set", err)
	if stored != want {
		e.broken("Set(%q, when %d) = %v, want %v", key, when, stored, want)
	}
}

// winners starts n calls at once and counts those that report true.
func (e *env) winners(n int, try func(i int) (bool, error)) int {
	e.Helper()
	var wg sync.WaitGroup
	var won atomic.Int64
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			ok, err := try(i)
			if err != nil {
				e.broken("caller %d: %v", i, err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(won.Load())
}
