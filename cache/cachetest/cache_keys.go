package cachetest

import (
	"maps"
	"slices"
	"strings"

	"github.com/echoic-go/echoic/cache"
)

var globChecks = []cacheCheck{
	{"Patterns", "Keys takes a glob: * any run of characters, ? one, [a-c] and [^a-c] one of a set, \\ a literal one.", func(e *cacheEnv) {
		for _, key := range []string{"user:1", "user:2", "user:12", "user:a:b", "item:1", "user", "über", "a*b", "a?b", `a\b`, "[x]", "100%", "a_b", "@home", "x@y"} {
			put(e, key, "x")
		}
		for _, row := range []struct {
			pattern string
			want    []string
		}{
			{"user:*", []string{"user:1", "user:2", "user:12", "user:a:b"}},
			{"user:?", []string{"user:1", "user:2"}},
			{"user:[1-9]", []string{"user:1", "user:2"}},
			{"user:[^1]", []string{"user:2"}},
			{"*:1", []string{"user:1", "item:1"}},
			{"user", []string{"user"}},
			{"?ber", []string{"über"}},
			{"ü*", []string{"über"}},
			{`a\*b`, []string{"a*b"}},
			{`a\?b`, []string{"a?b"}},
			{`a\\b`, []string{`a\b`}},
			{`\[x]`, []string{"[x]"}},
			{"100%", []string{"100%"}},
			{"a_b", []string{"a_b"}},
			{"@*", []string{"@home"}},
			{"*@*", []string{"@home", "x@y"}},
			{"none*", nil},
			{"", nil},
		} {
			e.globs(row.pattern, row.want...)
		}
	}},
	{"All", "Keys(*) yields every key under the caller's name, also odd and long ones.", func(e *cacheEnv) {
		keys := []string{
			"plain", "with space", "line\nbreak", "ü:世界", "per%cent", "per%25cent", "tilde~", "quote'\"", strings.Repeat("long", 500),
			strings.Repeat("ü", 300), "a:b:c", ":", "*",
		}
		for _, key := range keys {
			put(e, key, "x")
		}
		e.globs("*", keys...)
		e.globs(strings.Repeat("long", 500), strings.Repeat("long", 500))
		e.globs(strings.Repeat("long", 60)+"*", strings.Repeat("long", 500))
		e.globs("tilde~", "tilde~")
	}},
	{"Counters", "Keys yields counters too.", func(e *cacheEnv) {
		put(e, "counter:1", 5)
		e.globs("counter:*", "counter:1")
	}},
	{"OwnOnly", "Keys works with ':' in the prefix, and yields this cache's keys only.", func(e *cacheEnv) {
		inner := e.newCache(cache.Config{Prefix: e.c.Prefix() + ":inner:deeper"})
		beside := e.newCache(cache.Config{Prefix: e.c.Prefix() + "2"})
		put(e, "outer", "x")
		putIn(e, inner, "a:b", "x")
		putIn(e, beside, "beside", "x")
		e.globs("*", "outer")
		e.globsIn(inner, "*", nil, "a:b")
		e.globsIn(inner, "a:*", nil, "a:b")
	}},
	{"Version", "Keys yields the keys of one version.", func(e *cacheEnv) {
		put(e, "one", "x")
		put(e, "two", "x", cache.Version(2))
		put(e, "twelve", "x", cache.Version(12))
		e.globs("*", "one")
		e.globsIn(e.c, "*", []cache.Option{cache.Version(2)}, "two")
	}},
	{"Gone", "Keys does not yield what expired, was deleted or cleared.", func(e *cacheEnv) {
		put(e, "cleared", "x")
		e.clears(e.c)
		put(e, "expired", "x", cache.TTL(brief))
		put(e, "deleted", "x")
		put(e, "there", "x")
		_, err := e.c.Delete(e.Context(), "deleted")
		e.ok("Delete", err)
		e.over("expired")
		e.globs("*", "there")
	}},
	{"DeletePattern", "DeletePattern removes the keys that match, says how many, and leaves the others.", func(e *cacheEnv) {
		for _, key := range []string{"user:1", "user:2", "user*", "users", "item:1"} {
			put(e, key, "x")
		}
		put(e, "user:1", "x", cache.Version(2))
		for _, row := range []struct {
			pattern string
			want    int
		}{{"user:*", 2}, {"user:*", 0}, {`user\*`, 1}, {"none", 0}} {
			n, err := e.c.DeletePattern(e.Context(), row.pattern)
			e.ok("DeletePattern", err)
			if n != row.want {
				e.broken("DeletePattern(%q) = %d, want %d", row.pattern, n, row.want)
			}
		}
		missed(e, "user:1")
		missed(e, "user*")
		hit(e, "users", "x")
		hit(e, "item:1", "x")
		hit(e, "user:1", "x", cache.Version(2))
	}},
	{"DeletePatternMany", "DeletePattern works in batches, however many keys match.", func(e *cacheEnv) {
		values := make(map[string]int, 1300)
		for i := range 1300 {
			values["batch:"+itoa(i)] = i
		}
		_, err := cache.Of[int](e.c).SetMany(e.Context(), values)
		e.ok("SetMany", err)
		put(e, "stays", "x")
		n, err := e.c.DeletePattern(e.Context(), "batch:*")
		e.ok("DeletePattern", err)
		if n != 1300 {
			e.broken("DeletePattern = %d, want 1300", n)
		}
		e.globs("*", "stays")
	}},
}

func (e *cacheEnv) globs(pattern string, want ...string) {
	e.Helper()
	e.globsIn(e.c, pattern, nil, want...)
}

func (e *cacheEnv) globsIn(c *cache.Cache, pattern string, opts []cache.Option, want ...string) {
	e.Helper()
	got := make(map[string]bool)
	for key, err := range c.Keys(e.Context(), pattern, opts...) {
		e.ok("Keys", err)
		got[key] = true
	}
	for _, key := range want {
		if !got[key] {
			e.broken("Keys(%.80q) lacks %.80q", pattern, key)
		}
		delete(got, key)
	}
	if len(got) != 0 {
		e.broken("Keys(%.80q) yields what it should not: %.200q", pattern, slices.Sorted(maps.Keys(got)))
	}
}
