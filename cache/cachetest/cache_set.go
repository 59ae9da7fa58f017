package cachetest

import (
	"context"
	"time"

	"github.com/echoic-go/echoic/cache"
)

var cacheSetChecks = []cacheCheck{
	{"Overwrites", "Set overwrites the value.", func(e *cacheEnv) {
		put(e, "k", "x")
		put(e, "k", "y")
		hit(e, "k", "y")
		put(e, "k", 7) // also by one of another type
		hit(e, "k", 7)
	}},
	{"OverwritesTTL", "Set overwrites the TTL.", func(e *cacheEnv) {
		put(e, "short", "x", cache.TTL(cache.Forever))
		put(e, "short", "y", cache.TTL(brief))
		put(e, "long", "x", cache.TTL(brief))
		put(e, "long", "y", cache.TTL(cache.Forever))
		e.over("short")
		hit(e, "long", "y")
	}},
	{"OnlyIfAbsent", "Set only-if-absent stores where nothing is, and else leaves what is there.", func(e *cacheEnv) {
		e.sets(true, "k", "x", cache.OnlyIfAbsent())
		e.sets(false, "k", "y", cache.OnlyIfAbsent())
		hit(e, "k", "x")
		put(e, "over", "x", cache.TTL(brief))
		e.over("over")
		e.sets(true, "over", "y", cache.OnlyIfAbsent())
		hit(e, "over", "y")
	}},
	{"Conditions", "Set under a condition takes TTL, version and tags as well.", func(e *cacheEnv) {
		e.sets(true, "k", "x", cache.OnlyIfAbsent(), cache.TTL(brief), cache.Version(3))
		missed(e, "k")
		e.over("k", cache.Version(3))
	}},
	{"Add", "Add stores only if absent or expired, and says whether it did.", func(e *cacheEnv) {
		e.adds(true, "k", "x")
		e.adds(false, "k", "y")
		hit(e, "k", "x")
		put(e, "over", "x", cache.TTL(brief))
		e.over("over")
		e.adds(true, "over", "y")
		hit(e, "over", "y")
	}},
	{"AddKeepsTTL", "Add that does not store changes no lifetime.", func(e *cacheEnv) {
		put(e, "k", "x", cache.TTL(cache.Forever))
		e.adds(false, "k", "y", cache.TTL(brief))
		put(e, "other", "x", cache.TTL(2*brief))
		e.over("other")
		hit(e, "k", "x")
	}},
	{"AddNothing", "Add with TTL 0 on an absent key: true, nothing stays.", func(e *cacheEnv) {
		for _, ttl := range []time.Duration{0, -time.Second} {
			e.adds(true, "k", "x", cache.TTL(ttl))
			missed(e, "k")
		}
		put(e, "k", "x")
		e.adds(false, "k", "y", cache.TTL(0))
		hit(e, "k", "x")
	}},
	{"AddRace", "Of many that Add one key at once, one does.", func(e *cacheEnv) {
		for _, key := range []string{"fresh", "expired"} {
			if key == "expired" {
				put(e, key, "old", cache.TTL(brief))
				e.over(key)
			}
			if n := e.winners(64, func(i int) (bool, error) {
				return cache.Of[int](e.c).Add(e.Context(), key, i)
			}); n != 1 {
				e.broken("%d of 64 racing Add stored over %s, want 1", n, key)
			}
		}
	}},
	{"Delete", "Delete: true if something was removed.", func(e *cacheEnv) {
		put(e, "k", "x")
		put[*record](e, "nil", nil)
		put(e, "over", "x", cache.TTL(brief))
		e.over("over")
		for _, step := range []struct {
			key  string
			want bool
		}{{"k", true}, {"k", false}, {"nil", true}, {"never", false}, {"over", false}} {
			removed, err := e.c.Delete(e.Context(), step.key)
			e.ok("Delete", err)
			if removed != step.want {
				e.broken("Delete(%q) = %v, want %v", step.key, removed, step.want)
			}
			missed(e, step.key)
		}
	}},
	{"Has", "Has says whether there is a value.", func(e *cacheEnv) {
		put[*record](e, "nil", nil)
		put(e, "counter", 0)
		put(e, "over", "x", cache.TTL(brief))
		e.over("over")
		for key, want := range map[string]bool{"nil": true, "counter": true, "over": false, "never": false} {
			found, err := e.c.Has(e.Context(), key)
			e.ok("Has", err)
			if found != want {
				e.broken("Has(%q) = %v, want %v", key, found, want)
			}
		}
	}},
}

// conditionChecks need a store that can swap.
var conditionChecks = []cacheCheck{
	{"OnlyIfPresent", "Set only-if-present stores over a value, and else nothing.", func(e *cacheEnv) {
		e.sets(false, "k", "x", cache.OnlyIfPresent())
		missed(e, "k")
		put(e, "k", "x")
		e.sets(true, "k", "y", cache.OnlyIfPresent())
		hit(e, "k", "y")
		put(e, "over", "x", cache.TTL(brief))
		e.over("over")
		e.sets(false, "over", "y", cache.OnlyIfPresent())
		missed(e, "over")
	}},
	{"NilIsSomething", "A stored nil is a value, for conditions too.", func(e *cacheEnv) {
		put[*record](e, "k", nil)
		e.sets(false, "k", "x", cache.OnlyIfAbsent())
		e.sets(true, "k", "x", cache.OnlyIfPresent())
	}},
	{"AddOverStale", "Add stores over what is past its end.", func(e *cacheEnv) {
		e.loads("k", "old", func(context.Context) (string, error) { return "old", nil }, cache.TTL(brief), cache.StaleFor(day))
		e.over("k")
		e.adds(true, "k", "new")
		hit(e, "k", "new")
	}},
}

// sets calls Set with a string and checks what it reports.
func (e *cacheEnv) sets(want bool, key, value string, opts ...cache.Option) {
	e.Helper()
	stored, err := cache.Of[string](e.c).Set(e.Context(), key, value, opts...)
	e.ok("Set", err)
	if stored != want {
		e.broken("Set(%q) = %v, want %v", key, stored, want)
	}
}

func (e *cacheEnv) adds(want bool, key, value string, opts ...cache.Option) {
	e.Helper()
	added, err := cache.Of[string](e.c).Add(e.Context(), key, value, opts...)
	e.ok("Add", err)
	if added != want {
		e.broken("Add(%q) = %v, want %v", key, added, want)
	}
}
