package cachetest

import (
	"time"

	"github.com/echoic-go/echoic/cache"
)

var expirerChecks = []check{
	{"TTLMissing", "TTL: found is false for a miss, and then ttl is zero.", func(e *env) {
		e.ttlIs(e.key("never"), 0, false)
		e.set(e.key("over"), "x", brief)
		e.gone(e.key("over"))
		e.ttlIs(e.key("over"), 0, false)
	}},
	{"TTLForever", "TTL returns Forever for a value without expiry.", func(e *env) {
		e.set(e.key("k"), "x", cache.Forever)
		e.ttlIs(e.key("k"), cache.Forever, true)
	}},
	{"TTLLeft", "TTL returns what is left of the lifetime: positive.", func(e *env) {
		for _, ttl := range []time.Duration{time.Minute, 1500 * time.Millisecond, time.Hour + 7*time.Millisecond} {
			key := e.key(ttl.String())
			begin := time.Now()
			e.set(key, "x", ttl)
			e.ttlLeft(key, ttl, begin)
		}
	}},
	{"TTLPositive", "TTL is positive for as long as the value is found.", func(e *env) {
		key := e.key("k")
		e.set(key, "x", 20*time.Millisecond)
		e.eventually("the value is gone", func() bool {
			ttl, found, err := e.store.(cache.Expirer).TTL(e.Context(), key)
			e.ok("TTL", err)
			if found && ttl <= 0 {
				e.brokenNow("TTL = %v, true", ttl)
			}
			return !found
		})
	}},
	{"TouchShortens", "Touch gives the value a new lifetime, counted from now: a shorter one.", func(e *env) {
		key := e.key("k")
		e.set(key, "x", cache.Forever)
		e.lifetime(key, brief, func() { e.touches(true, key, brief) })
	}},
	{"TouchLengthens", "Touch gives the value a new lifetime, counted from now: a longer one.", func(e *env) {
		key := e.key("k")
		e.set(key, "x", time.Minute)
		begin := time.Now()
		e.touches(true, key, time.Hour)
		e.ttlLeft(key, time.Hour, begin)
		e.holds(key, "x")
	}},
	{"TouchBelowMillisecond", "A ttl below one millisecond counts as one, in Touch too.", func(e *env) {
		key := e.key("k")
		e.set(key, "x", cache.Forever)
		e.lifetime(key, time.Millisecond, func() { e.touches(true, key, time.Microsecond) })
	}},
	{"TouchForever", "Touch with Forever takes the expiry away.", func(e *env) {
		key, other := e.key("k"), e.key("other")
		e.set(key, "x", time.Minute)
		e.touches(true, key, cache.Forever)
		e.ttlIs(key, cache.Forever, true)
		e.set(other, "y", brief)
		e.gone(other)
		e.holds(key, "x")
	}},
	{"TouchForeverAgain", "Touch with Forever is true also for a value that already had no expiry.", func(e *env) {
		e.set(e.key("k"), "x", cache.Forever)
		e.touches(true, e.key("k"), cache.Forever)
		e.ttlIs(e.key("k"), cache.Forever, true)
	}},
	{"TouchSame", "Touch reports whether there was a value, also if its lifetime stays the same.", func(e *env) {
		e.set(e.key("k"), "", time.Hour)
		e.touches(true, e.key("k"), time.Hour)
		e.touches(true, e.key("k"), time.Hour)
	}},
	{"TouchMissing", "Touch reports false where nothing is, and makes nothing.", func(e *env) {
		for _, ttl := range []time.Duration{time.Hour, cache.Forever} {
			e.touches(false, e.key("k"), ttl)
			e.absent(e.key("k"))
		}
	}},
	{"TouchExpired", "Touch does not bring an expired value back.", func(e *env) {
		for _, ttl := range []time.Duration{time.Hour, cache.Forever} {
			key := e.key(ttl.String())
			e.set(key, "x", brief)
			e.gone(key)
			e.touches(false, key, ttl)
			e.absent(key)
		}
	}},
	{"TouchLong", "Touch takes a ttl of any length.", func(e *env) {
		key := e.key("k")
		e.set(key, "x", time.Minute)
		begin := time.Now()
		e.touches(true, key, 3650*day)
		e.ttlLeft(key, 3650*day, begin)
		e.touches(true, key, cache.Forever-1)
		e.holds(key, "x")
	}},
}

func (e *env) touches(want bool, key string, ttl time.Duration) {
	e.Helper()
	found, err := e.store.(cache.Expirer).Touch(e.Context(), key, ttl)
	e.ok("Touch", err)
	if found != want {
		e.broken("Touch(%q, %v) = %v, want %v", key, ttl, found, want)
	}
}

func (e *env) ttlIs(key string, want time.Duration, wantFound bool) {
	e.Helper()
	ttl, found, err := e.store.(cache.Expirer).TTL(e.Context(), key)
	e.ok("TTL", err)
	if ttl != want || found != wantFound {
		e.broken("TTL(%q) = %v, %v, want %v, %v", key, ttl, found, want, wantFound)
	}
}

// ttlLeft checks the rest of a lifetime of ttl that began no earlier than begin.
func (e *env) ttlLeft(key string, ttl time.Duration, begin time.Time) {
	e.Helper()
	left, found, err := e.store.(cache.Expirer).TTL(e.Context(), key)
	e.ok("TTL", err)
	if !found {
		e.brokenNow("TTL(%q) finds nothing", key)
	}
	e.between(left, ttl, begin)
}
