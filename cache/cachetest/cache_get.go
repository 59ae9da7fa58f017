package cachetest

import (
	"math"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// record is a value as applications have them.
type record struct {
	Name  string
	Lines []string
	Count int
	Seen  map[string]int
	At    time.Time
	Next  *record
}

func sample() record {
	return record{
		Name: "Hamlet ü 世", Lines: []string{"To be", ""}, Count: -7, Seen: map[string]int{"a": 1},
		At: time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC), Next: &record{Name: "Ophelia"},
	}
}

var cacheGetChecks = []cacheCheck{
	{"Miss", "Get returns found false for what is not there, and no error.", func(e *cacheEnv) {
		missed(e, "never")
		v, found, err := cache.Of[record](e.c).Get(e.Context(), "never")
		e.ok("Get", err)
		if found || !same(v, record{}) {
			e.broken("Get = %v, %v, want the zero value, false", v, found)
		}
	}},
	{"Types", "What is stored comes back as it was, whatever its type.", checkTypes},
	{"ZeroValues", "A stored nil or zero value is a hit.", checkZeroValues},
	{"GetOr", "GetOr gives the caller's default on a miss.", func(e *cacheEnv) {
		v, err := cache.Of[string](e.c).GetOr(e.Context(), "k", "fallback")
		e.ok("GetOr", err)
		if v != "fallback" {
			e.broken("GetOr of a miss = %q", v)
		}
		missed(e, "k") // and stores nothing
	}},
	{"GetOrZero", "GetOr gives a stored nil or zero value, not the default.", func(e *cacheEnv) {
		put(e, "k", "")
		put[*record](e, "nil", nil)
		v, err := cache.Of[string](e.c).GetOr(e.Context(), "k", "fallback")
		e.ok("GetOr", err)
		p, err := cache.Of[*record](e.c).GetOr(e.Context(), "nil", &record{})
		e.ok("GetOr", err)
		if v != "" || p != nil {
			e.broken("GetOr of stored zero values = %q, %v", v, p)
		}
	}},
	{"Expired", "Expired is a miss.", func(e *cacheEnv) {
		put(e, "k", "x", cache.TTL(brief))
		e.over("k")
		missed(e, "k")
		v, err := cache.Of[string](e.c).GetOr(e.Context(), "k", "fallback")
		e.ok("GetOr", err)
		if v != "fallback" {
			e.broken("GetOr of an expired value = %q", v)
		}
	}},
	{"OtherType", "A value of another type is a miss, and is left alone.", func(e *cacheEnv) {
		put(e, "k", record{Name: "x"})
		put(e, "big", 300)
		if _, found, err := cache.Of[int](e.c).Get(e.Context(), "k"); found || err != nil {
			e.broken("Get of a struct as int: %v, %v", found, err)
		}
		if v, found, err := cache.Of[int8](e.c).Get(e.Context(), "big"); found || err != nil {
			e.broken("Get of 300 as int8 = %d, %v, %v", v, found, err)
		}
		hit(e, "k", record{Name: "x"})
		hit(e, "big", 300)
	}},
	{"OtherCache", "Caches with other prefixes do not meet.", func(e *cacheEnv) {
		other := e.newCache(cache.Config{Prefix: e.c.Prefix() + "-other"})
		inner := e.newCache(cache.Config{Prefix: e.c.Prefix() + ":inner"})
		put(e, "k", "x")
		putIn(e, other, "k", "y")
		putIn(e, inner, "k", "z")
		hit(e, "k", "x")
		hitIn(e, other, "k", "y")
		hitIn(e, inner, "k", "z")
		_, err := e.c.Delete(e.Context(), "k")
		e.ok("Delete", err)
		hitIn(e, other, "k", "y")
		hitIn(e, inner, "k", "z")
	}},
	{"SameCache", "Two caches with one prefix on one store are the same cache.", func(e *cacheEnv) {
		other := e.newCache(cache.Config{})
		put(e, "k", "x")
		hitIn(e, other, "k", "x")
		putIn(e, other, "k", "y")
		if e.caps.Near != nil {
			e.eventually("the other cache hears", func() bool {
				v, err := cache.Of[string](e.c).GetOr(e.Context(), "k", "")
				e.ok("GetOr", err)
				return v == "y"
			})
		}
		hit(e, "k", "y")
	}},
	{"Stats", "Hits and misses are counted.", func(e *cacheEnv) {
		before := e.c.Stats()
		put(e, "k", "x")
		hit(e, "k", "x")
		missed(e, "absent")
		after := e.c.Stats()
		if after.Hits != before.Hits+1 || after.Misses != before.Misses+1 {
			e.broken("Stats after a hit and a miss: %+v", after)
		}
	}},
}

func checkTypes(e *cacheEnv) {
	roundTrip(e, "text")
	roundTrip(e, strings.Repeat("long text, which is compressed. ", 5000))
	roundTrip(e, "\x00\xff not UTF-8")
	roundTrip(e, []byte{0, 255, 1})
	roundTrip(e, 42)
	roundTrip(e, -1)
	roundTrip(e, int64(math.MinInt64))
	roundTrip(e, int8(-128))
	roundTrip(e, uint64(math.MaxUint64))
	roundTrip(e, uint8(200))
	roundTrip(e, 3.25)
	roundTrip(e, math.Inf(-1))
	roundTrip(e, float32(0.5))
	roundTrip(e, true)
	roundTrip(e, 5*time.Second)
	roundTrip(e, time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC))
	roundTrip(e, []string{"a", "", "b"})
	roundTrip(e, []int{1, -2, 3})
	roundTrip(e, map[string]int{"a": 1, "": 2})
	roundTrip(e, map[int]string{-1: "a"})
	roundTrip(e, [3]bool{true, false, true})
	roundTrip(e, sample())
	roundTrip(e, []record{sample(), {}})
	roundTrip[any](e, "text in an interface")
	roundTrip[any](e, map[string]any{"list": []any{"a", int64(1), 1.5, true, nil}})
	v := sample()
	put(e, "pointer", &v)
	hit(e, "pointer", &v)
	hit(e, "pointer", v) // a pointer and what it points to are the same data
}

func roundTrip[T any](e *cacheEnv, value T) {
	e.Helper()
	put(e, "k", value)
	hit(e, "k", value)
}

func checkZeroValues(e *cacheEnv) {
	roundTrip(e, "")
	roundTrip(e, []byte{})
	roundTrip(e, 0)
	roundTrip(e, uint8(0))
	roundTrip(e, 0.0)
	roundTrip(e, false)
	roundTrip(e, time.Time{})
	roundTrip(e, record{})
	roundTrip[*record](e, nil)
	roundTrip[*int](e, nil)
	roundTrip[[]string](e, nil)
	roundTrip(e, []string{})
	roundTrip[[]byte](e, nil)
	roundTrip[map[string]int](e, nil)
	roundTrip[any](e, nil)
	zero := 0
	roundTrip(e, &zero)
}
