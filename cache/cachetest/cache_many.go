package cachetest

import (
	"strings"

	"github.com/echoic-go/echoic/cache"
)

var cacheManyChecks = []cacheCheck{
	{"Get", "GetMany: absent keys are absent from the result, the others there under the caller's key names.", func(e *cacheEnv) {
		long := strings.Repeat("long", 300)
		put(e, "a b:ü", "1")
		put(e, long, "2")
		put(e, "empty", "")
		put(e, "over", "x", cache.TTL(brief))
		e.over("over")
		e.getsAll([]string{"never", "a b:ü", long, "over", "empty"}, map[string]string{"a b:ü": "1", long: "2", "empty": ""})
	}},
	{"GetDuplicates", "GetMany: a key may be named twice.", func(e *cacheEnv) {
		put(e, "a", "1")
		e.getsAll([]string{"a", "b", "a", "b"}, map[string]string{"a": "1"})
	}},
	{"GetEmpty", "GetMany: empty input is fine.", func(e *cacheEnv) {
		e.getsAll(nil, map[string]string{})
		e.getsAll([]string{}, map[string]string{})
	}},
	{"GetNil", "GetMany: stored nil values are in the result.", func(e *cacheEnv) {
		put[*record](e, "nil", nil)
		many, err := cache.Of[*record](e.c).GetMany(e.Context(), []string{"nil", "never"})
		e.ok("GetMany", err)
		if v, found := many["nil"]; !found || v != nil || len(many) != 1 {
			e.broken("GetMany = %v", many)
		}
	}},
	{"Set", "SetMany keeps all values, and returns the keys that failed: none.", func(e *cacheEnv) {
		values := map[string]string{"a": "1", "b c": "", strings.Repeat("k", 1000): "3"}
		failed, err := cache.Of[string](e.c).SetMany(e.Context(), values)
		e.ok("SetMany", err)
		if len(failed) != 0 {
			e.broken("SetMany failed for %q", failed)
		}
		for key, value := range values {
			hit(e, key, value)
		}
	}},
	{"SetFailed", "SetMany returns the keys that failed, under the caller's names.", func(e *cacheEnv) {
		if e.caps.NoMany {
			return
		}
		c := e.newCache(cache.Config{Store: &spyStore{Store: e.store, refuse: "bad"}})
		failed, err := cache.Of[string](c).SetMany(e.Context(), map[string]string{"good": "1", "bad ü": "2"})
		e.ok("SetMany", err)
		if len(failed) != 1 || failed[0] != "bad ü" {
			e.broken("SetMany failed for %q, want for bad ü", failed)
		}
		hit(e, "good", "1")
		missed(e, "bad ü")
	}},
	{"SetOptions", "SetMany takes TTL, version and tags.", func(e *cacheEnv) {
		_, err := cache.Of[string](e.c).SetMany(e.Context(), map[string]string{"a": "1", "b": "2"}, cache.TTL(brief), cache.Version(2))
		e.ok("SetMany", err)
		missed(e, "a")
		e.over("a", cache.Version(2))
		e.over("b", cache.Version(2))
		if e.caps.NoCounter || e.caps.NoSwapper {
			return
		}
		_, err = cache.Of[string](e.c).SetMany(e.Context(), map[string]string{"a": "1", "b": "2"}, cache.WithTags("t"))
		e.ok("SetMany", err)
		hit(e, "b", "2")
		e.purges("t")
		missed(e, "a")
		missed(e, "b")
	}},
	{"SetEmpty", "SetMany: empty input is fine.", func(e *cacheEnv) {
		failed, err := cache.Of[string](e.c).SetMany(e.Context(), nil)
		e.ok("SetMany", err)
		if len(failed) != 0 {
			e.broken("SetMany of nothing failed for %q", failed)
		}
	}},
	{"SetAllOrNothing", "SetMany with a value that cannot be stored stores none.", func(e *cacheEnv) {
		c := e.newCache(cache.Config{MaxValueBytes: 1000})
		_, err := cache.Of[string](c).SetMany(e.Context(), map[string]string{"a": "1", "b": strings.Repeat("x", 2000), "c": "3"})
		if err == nil {
			e.broken("SetMany with a value above the limit: no error")
		}
		missed(e, "a")
		missed(e, "c")
	}},
	{"Delete", "DeleteMany removes the keys and says how many there were.", func(e *cacheEnv) {
		put(e, "a", "1")
		put(e, "b", "2")
		put(e, "stays", "3")
		for _, want := range []int{2, 0} {
			n, err := e.c.DeleteMany(e.Context(), []string{"a", "b", "never"})
			e.ok("DeleteMany", err)
			if n != want {
				e.broken("DeleteMany = %d, want %d", n, want)
			}
		}
		missed(e, "a")
		missed(e, "b")
		hit(e, "stays", "3")
	}},
	{"DeleteEmpty", "DeleteMany: empty input is fine.", func(e *cacheEnv) {
		n, err := e.c.DeleteMany(e.Context(), nil)
		e.ok("DeleteMany", err)
		if n != 0 {
			e.broken("DeleteMany of nothing = %d", n)
		}
	}},
	{"RoundTrips", "The many-calls take one round trip.", checkRoundTrips},
	{"Thousand", "The many-calls take any number of keys.", func(e *cacheEnv) {
		values := make(map[string]int, 1200)
		keys := make([]string, 0, len(values))
		for i := range 1200 {
			values["k"+itoa(i)] = i
			keys = append(keys, "k"+itoa(i))
		}
		_, err := cache.Of[int](e.c).SetMany(e.Context(), values)
		e.ok("SetMany", err)
		got, err := cache.Of[int](e.c).GetMany(e.Context(), keys)
		e.ok("GetMany", err)
		if !same(got, values) {
			e.broken("GetMany returned %d of 1200 values, or others", len(got))
		}
		n, err := e.c.DeleteMany(e.Context(), keys)
		e.ok("DeleteMany", err)
		if n != 1200 {
			e.broken("DeleteMany = %d, want 1200", n)
		}
	}},
}

func checkRoundTrips(e *cacheEnv) {
	if e.caps.NoMany {
		return
	}
	spy := &spyStore{Store: e.store}
	c := e.newCache(cache.Config{Store: spy})
	ctx := e.Context()
	keys := []string{"a", "b", "c"}
	typed := cache.Of[string](c)
	_, err := typed.GetMany(ctx, keys) // learns the generation
	e.ok("GetMany", err)
	for _, step := range []struct {
		name string
		most int64
		do   func() error
	}{
		// A write asks for the generation first.
		{"SetMany", 2, func() error {
			_, err := typed.SetMany(ctx, map[string]string{"a": "1", "b": "2", "c": "3"})
			return err
		}},
		{"GetMany", 1, func() error { _, err := typed.GetMany(ctx, keys); return err }},
		{"DeleteMany", 2, func() error { _, err := c.DeleteMany(ctx, keys); return err }},
		{"Get", 1, func() error { _, _, err := typed.Get(ctx, "a"); return err }},
	} {
		spy.calls.Store(0)
		e.ok(step.name, step.do())
		if n := spy.calls.Load(); n > step.most {
			e.broken("%s of three keys made %d calls of the store, want at most %d", step.name, n, step.most)
		}
	}
}

func (e *cacheEnv) getsAll(keys []string, want map[string]string) {
	e.Helper()
	got, err := cache.Of[string](e.c).GetMany(e.Context(), keys)
	e.ok("GetMany", err)
	if !same(got, want) {
		e.broken("GetMany(%.80q) = %.200q, want %.200q", keys, got, want)
	}
}
