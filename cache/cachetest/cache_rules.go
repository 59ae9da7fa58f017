package cachetest

import (
	"context"
	"errors"
	"strings"

	"github.com/echoic-go/echoic/cache"
)

// badKeys are refused by every call.
var badKeys = map[string]string{
	"empty":     "",
	"NUL":       "user:\x00:1",
	"not UTF-8": "user:\xff",
	"too long":  strings.Repeat("k", cache.MaxKeyBytes+1),
}

var keyChecks = []cacheCheck{
	{"Any", "A key is any UTF-8 up to 4 KiB; each is a value of its own.", func(e *cacheEnv) {
		long := strings.Repeat("k", 300)
		keys := []string{
			"a", "A", "a ", " a", "a b", "a%20b", "a%2520b", "a+b", "ü", "u\u0308", "世界", "🎧", "\n", "\t", "\x01", "\x7f", "a:b", "a::b",
			":", "@", "a@b", "a@", "~", "a~b", "%", "%%", "*", "?", "[a]", `\`, "'", `"`, "$1", "{a}", "v", "p", "f", "t", "gen", "t:gen", "1",
			long, long + "a", long + "b", long[:149] + "ü", long[:200], long[:201], strings.Repeat("ü", 100), strings.Repeat("世", 1365),
			strings.Repeat("k", cache.MaxKeyBytes),
		}
		for i, key := range keys {
			put(e, key, i)
		}
		for i, key := range keys {
			hit(e, key, i)
		}
		for i, key := range keys {
			removed, err := e.c.Delete(e.Context(), key)
			e.ok("Delete", err)
			if !removed {
				e.broken("Delete of key %d, %.80q, removed nothing: is it another's?", i, key)
			}
		}
	}},
	{"MaxValue", "Values up to the configured maximum are stored; larger ones are an error, and change nothing.", func(e *cacheEnv) {
		c := e.newCache(cache.Config{MaxValueBytes: 10_000})
		putIn(e, c, "k", strings.Repeat("x", 10_000))
		hitIn(e, c, "k", strings.Repeat("x", 10_000))
		_, err := cache.Of[string](c).Set(e.Context(), "k", strings.Repeat("y", 10_001))
		var size *cache.SizeError
		if !errors.Is(err, cache.ErrTooLarge) || !errors.As(err, &size) || size.Key != "k" || size.Limit != 10_000 || size.Size != 10_001 {
			e.broken("Set of 10,001 bytes where 10,000 are allowed: %v", err)
		}
		hitIn(e, c, "k", strings.Repeat("x", 10_000))
		_, err = cache.Of[string](c).GetOrSet(e.Context(), "load", func(context.Context) (string, error) {
			return strings.Repeat("y", 10_001), nil
		})
		if !errors.Is(err, cache.ErrTooLarge) {
			e.broken("GetOrSet of 10,001 bytes where 10,000 are allowed: %v", err)
		}
		missedIn(e, c, "load")
	}},
	{"DefaultMaxValue", "The default maximum is 8 MiB.", func(e *cacheEnv) {
		put(e, "k", strings.Repeat("x", 8<<20))
		if _, err := cache.Of[string](e.c).Set(e.Context(), "k", strings.Repeat("x", 8<<20+1)); !errors.Is(err, cache.ErrTooLarge) {
			e.broken("Set of 8 MiB and a byte: %v", err)
		}
	}},
}

var copyChecks = []cacheCheck{
	{"Out", "What comes out is a copy: mutating it changes nothing in the cache.", func(e *cacheEnv) {
		put(e, "slice", []string{"a", "b"})
		put(e, "map", map[string]int{"a": 1})
		put(e, "bytes", []byte("abc"))
		put(e, "pointer", &record{Name: "x", Lines: []string{"a"}})
		ctx := e.Context()
		for range 2 {
			s, _, err := cache.Of[[]string](e.c).Get(ctx, "slice")
			e.ok("Get", err)
			s[0] = "changed"
			m, _, err := cache.Of[map[string]int](e.c).Get(ctx, "map")
			e.ok("Get", err)
			m["a"] = 2
			b, _, err := cache.Of[[]byte](e.c).Get(ctx, "bytes")
			e.ok("Get", err)
			b[0] = 'X'
			p, _, err := cache.Of[*record](e.c).Get(ctx, "pointer")
			e.ok("Get", err)
			p.Name, p.Lines[0] = "changed", "changed"
			many, err := cache.Of[[]byte](e.c).GetMany(ctx, []string{"bytes"})
			e.ok("GetMany", err)
			many["bytes"][0] = 'Y'
		}
		hit(e, "slice", []string{"a", "b"})
		hit(e, "map", map[string]int{"a": 1})
		hit(e, "bytes", []byte("abc"))
		hit(e, "pointer", &record{Name: "x", Lines: []string{"a"}})
	}},
	{"In", "What goes in is a copy too.", func(e *cacheEnv) {
		b, s := []byte("abc"), []string{"a"}
		put(e, "bytes", b)
		put(e, "slice", s)
		_, err := cache.Of[[]byte](e.c).SetMany(e.Context(), map[string][]byte{"many": b})
		e.ok("SetMany", err)
		b[0], s[0] = 'X', "changed"
		hit(e, "bytes", []byte("abc"))
		hit(e, "many", []byte("abc"))
		hit(e, "slice", []string{"a"})
	}},
	{"Loaded", "What GetOrSet returns is a copy, when it was made and when it was there.", func(e *cacheEnv) {
		for range 2 {
			b, err := cache.Of[[]byte](e.c).GetOrSet(e.Context(), "k", func(context.Context) ([]byte, error) { return []byte("abc"), nil })
			e.ok("GetOrSet", err)
			if string(b) != "abc" {
				e.broken("GetOrSet = %q", b)
			}
			b[0] = 'X'
		}
		hit(e, "k", []byte("abc"))
	}},
}

var cacheValidationChecks = []cacheCheck{
	{"Keys", "An empty key, NUL, no UTF-8, more than 4 KiB: an error that names the key, from every call.", func(e *cacheEnv) {
		for name, key := range badKeys {
			for _, c := range cacheCalls() {
				if !c.keyed {
					continue
				}
				err := c.do(e.Context(), e.c, key)
				var keyErr *cache.KeyError
				if !errors.Is(err, cache.ErrInvalidKey) || !errors.As(err, &keyErr) || keyErr.Key != key {
					e.broken("%s with a key that is %s: %.200v, want a *cache.KeyError that names it", c.name, name, err)
				}
			}
		}
	}},
	{"Version", "A negative version is an error, from every call.", func(e *cacheEnv) {
		for _, c := range cacheCalls() {
			if !c.versioned {
				continue
			}
			if err := c.do(e.Context(), e.c, "k", cache.Version(-1)); err == nil {
				e.broken("%s with version -1: no error", c.name)
			}
		}
	}},
	{"TooLarge", "A value above the maximum is an error.", func(e *cacheEnv) {
		c := e.newCache(cache.Config{MaxValueBytes: 10})
		if _, err := cache.Of[string](c).Set(e.Context(), "k", "eleven bytes"); !errors.Is(err, cache.ErrTooLarge) {
			e.broken("Set: %v", err)
		}
	}},
	{"NotEncodable", "A value that cannot be encoded is an error that names the key and the type.", func(e *cacheEnv) {
		_, err := cache.Of[func()](e.c).Set(e.Context(), "the key", func() {})
		if err == nil || !strings.Contains(err.Error(), "the key") || !strings.Contains(err.Error(), "func()") {
			e.broken("Set of a func: %v", err)
		}
	}},
	{"Canceled", "Every call takes a context and honours its deadline.", func(e *cacheEnv) {
		for _, c := range cacheCalls() {
			if err := c.do(e.canceled(), e.c, "k"); !errors.Is(err, context.Canceled) && !e.unsupported(err) {
				e.broken("%s with a cancelled context: %v", c.name, err)
			}
		}
	}},
	{"Closed", "After Close every call returns ErrClosed; Close is idempotent.", func(e *cacheEnv) {
		for range 2 {
			e.ok("Close", e.c.Close())
		}
		for _, c := range cacheCalls() {
			if err := c.do(e.Context(), e.c, "k"); !errors.Is(err, cache.ErrClosed) && !e.unsupported(err) {
				e.broken("%s after Close: %v", c.name, err)
			}
		}
	}},
	{"Config", "What cannot work is refused when the cache is made.", func(e *cacheEnv) {
		for name, cfg := range map[string]cache.Config{
			"no store":             {},
			"bad prefix":           {Store: e.store, Prefix: "a b"},
			"reserved prefix":      {Store: e.store, Prefix: "a:v"},
			"negative version":     {Store: e.store, Version: -1},
			"negative TTL":         {Store: e.store, TTL: -1},
			"negative value limit": {Store: e.store, MaxValueBytes: -1},
		} {
			c, err := cache.New(cfg)
			if err == nil {
				e.broken("cache.New with %s: no error", name)
				e.check("Close", c.Close())
			}
		}
	}},
}

// unsupported reports whether a call failed only because the store lacks a power.
func (e *cacheEnv) unsupported(err error) bool {
	return !e.caps.full() && errors.Is(err, cache.ErrUnsupported)
}

var nullChecks = []cacheCheck{
	{"Misses", "On a store that keeps nothing every read misses and every write succeeds.", func(e *cacheEnv) {
		put(e, "k", "x")
		missed(e, "k")
		e.adds(true, "k", "x")
		e.adds(true, "k", "x")
		many, err := cache.Of[string](e.c).GetMany(e.Context(), []string{"k"})
		e.ok("GetMany", err)
		has, err := e.c.Has(e.Context(), "k")
		e.ok("Has", err)
		if len(many) != 0 || has {
			e.broken("GetMany = %v, Has = %v", many, has)
		}
		failed, err := cache.Of[string](e.c).SetMany(e.Context(), map[string]string{"a": "1"})
		e.ok("SetMany", err)
		if len(failed) != 0 {
			e.broken("SetMany failed for %q", failed)
		}
		e.ok("Clear", e.c.Clear(e.Context()))
		e.ok("Purge", e.c.Purge(e.Context(), "t"))
	}},
	{"Loads", "On a store that keeps nothing GetOrSet returns what its loader returns.", func(e *cacheEnv) {
		for _, want := range []string{"x", "y"} {
			e.loads("k", want, func(context.Context) (string, error) { return want, nil }, cache.WithTags("t"))
		}
	}},
	{"Counts", "On a store that keeps nothing there is nothing to add to.", func(e *cacheEnv) {
		if _, err := e.c.Incr(e.Context(), "k", 1); !errors.Is(err, cache.ErrNotFound) {
			e.broken("Incr: %v", err)
		}
		n, err := e.c.IncrWithTTL(e.Context(), "k", 5)
		e.ok("IncrWithTTL", err)
		if n != 5 {
			e.broken("IncrWithTTL = %d, want 5", n)
		}
	}},
}
