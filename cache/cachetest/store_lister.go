package cachetest

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/echoic-go/echoic/cache"
)

var listerChecks = []check{
	{"Prefix", "Keys yields the keys that start with the prefix.", func(e *env) {
		for _, name := range []string{"a", "a:1", "a:2", "ab", "b", "xa:1"} {
			e.set(e.key(name), "x", cache.Forever)
		}
		e.lists("a", "a", "a:1", "a:2", "ab")
		e.lists("a:", "a:1", "a:2")
		e.lists("", "a", "a:1", "a:2", "ab", "b", "xa:1")
		e.lists("b", "b")
		e.lists("c")
	}},
	{"Literal", "Keys takes the prefix literally, whatever characters it has.", func(e *env) {
		// Each row: a prefix that would be a pattern, a key that it starts,
		// and one that only the pattern would match.
		for _, row := range [][3]string{
			{"star*", "star*1", "star22"},
			{"mark?", "mark?1", "markx1"},
			{"set[ab]", "set[ab]1", "seta1"},
			{"not[^a]", "not[^a]1", "notb1"},
			{"pct%", "pct%1", "pctxx1"},
			{"under_", "under_1", "underx1"},
			{`back\`, `back\1`, `back1`},
			{`esc\*`, `esc\*1`, `esc*1`},
			{`esc\%`, `esc\%1`, `esc%1`},
			{"quote'", "quote'1", "quotex1"},
			{"brace{a}", "brace{a}1", "bracea1"},
			{"dot.", "dot.1", "dotx1"},
		} {
			e.set(e.key(row[1]), "x", cache.Forever)
			e.set(e.key(row[2]), "x", cache.Forever)
			e.lists(row[0], row[1])
		}
	}},
	{"Case", "Keys tells upper from lower case.", func(e *env) {
		e.set(e.key("user:1"), "x", cache.Forever)
		e.set(e.key("USER:2"), "x", cache.Forever)
		e.lists("user:", "user:1")
		e.lists("USER:", "USER:2")
	}},
	{"Expired", "Keys yields only keys that have not expired.", func(e *env) {
		e.set(e.key("over"), "x", brief)
		e.set(e.key("there"), "x", cache.Forever)
		e.gone(e.key("over"))
		e.lists("", "there")
	}},
	{"Deleted", "Keys does not yield keys that were deleted before.", func(e *env) {
		e.set(e.key("a"), "x", cache.Forever)
		e.set(e.key("b"), "", cache.Forever)
		e.deletes(1, e.key("a"))
		e.lists("", "b")
	}},
	{"Thousands", "A key that is there during the whole iteration is yielded at least once.", func(e *env) {
		keys := e.keys(2500)
		e.setAll(keys)
		for i := range keys {
			keys[i] = strings.TrimPrefix(keys[i], e.prefix)
		}
		e.lists("", keys...)
	}},
	{"Changing", "A key that is there during the whole iteration is yielded, whatever else changes.", checkChangingKeys},
	{"Break", "The iteration can be left at any key, and be started again.", func(e *env) {
		e.setAll(e.keys(50))
		seq := e.store.(cache.Lister).Keys(e.Context(), e.prefix)
		for range 3 {
			n := 0
			for _, err := range seq {
				e.ok("Keys", err)
				if n++; n == 5 {
					break
				}
			}
			if n != 5 {
				e.broken("Keys yielded %d keys of 50 before it ended", n)
			}
		}
	}},
	{"Delete", "Keys may be deleted while they are listed.", func(e *env) {
		e.setAll(e.keys(300))
		for key, err := range e.store.(cache.Lister).Keys(e.Context(), e.prefix) {
			e.ok("Keys", err)
			_, err := e.store.Delete(e.Context(), key)
			e.ok("Delete", err)
		}
		e.lists("")
	}},
	{"Canceled", "An error ends the iteration and comes with an empty key.", func(e *env) {
		e.set(e.key("k"), "x", cache.Forever)
		n := 0
		for key, err := range e.store.(cache.Lister).Keys(e.canceled(), e.prefix) {
			if n++; key != "" || err == nil {
				e.broken("Keys with a cancelled context yields %q, %v", key, err)
			}
		}
		if n != 1 {
			e.broken("Keys with a cancelled context yields %d times, want once", n)
		}
	}},
}

// lists compares what Keys yields with what it should, each under e.prefix.
func (e *env) lists(prefix string, want ...string) {
	e.Helper()
	got := make(map[string]bool)
	for key, err := range e.store.(cache.Lister).Keys(e.Context(), e.prefix+prefix) {
		e.ok("Keys", err)
		got[strings.TrimPrefix(key, e.prefix)] = true // more than once is allowed
	}
	for _, key := range want {
		if !got[key] {
			e.broken("Keys(%q) lacks %q", prefix, key)
		}
		delete(got, key)
	}
	if len(got) != 0 {
		e.broken("Keys(%q) yields what it should not: %q", prefix, slices.Sorted(maps.Keys(got)))
	}
}

func checkChangingKeys(e *env) {
	stay := make(map[string]bool)
	for i := range 200 {
		stay[e.key("stays"+itoa(i))] = true
	}
	e.setAll(slices.Collect(maps.Keys(stay)))
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			if _, err := e.store.Set(e.Context(), e.key("comes"+itoa(i%400)), []byte("x"), cache.Forever, cache.Always); err != nil {
				e.broken("Set: %v", err)
				return
			}
			if _, err := e.store.Delete(e.Context(), e.key("comes"+itoa((i+200)%400))); err != nil {
				e.broken("Delete: %v", err)
				return
			}
		}
	})
	for range 3 {
		missing := maps.Clone(stay)
		for key, err := range e.store.(cache.Lister).Keys(e.Context(), e.prefix) {
			e.check("Keys", err)
			delete(missing, key)
		}
		if len(missing) != 0 {
			e.broken("Keys missed %d of 200 keys that were there all the time", len(missing))
		}
	}
	close(done)
	wg.Wait()
}
