package cachetest

import (
	"context"
	"errors"
	"time"

	"github.com/echoic-go/echoic/cache"
)

var errorChecks = []cacheCheck{
	{"Returned", "Without IgnoreErrors a store failure is the wrapped error, from every call.", func(e *cacheEnv) {
		if !e.caps.full() {
			return
		}
		c, store := e.onSpy(cache.Config{})
		putIn(e, c, "k", "x")
		store.broken.Store(true)
		for _, call := range cacheCalls() {
			before := c.Stats().Errors
			if err := call.do(e.Context(), c, "k"); !errors.Is(err, errBroken) {
				e.broken("%s with a broken store: %v, want an error that wraps %q", call.name, err, errBroken)
			}
			if c.Stats().Errors == before {
				e.broken("%s with a broken store does not count the failure", call.name)
			}
		}
	}},
	{"Ignored", "With IgnoreErrors a store failure is a logged, counted miss or a no-op, and where that would be a lie ErrDegraded; no operation escapes.", func(e *cacheEnv) {
		if !e.caps.full() {
			return
		}
		c, store := e.onSpy(cache.Config{IgnoreErrors: true})
		putIn(e, c, "k", "x")
		store.broken.Store(true)
		for _, call := range cacheCalls() {
			before := c.Stats().Errors
			err := call.do(e.Context(), c, "k")
			if call.promise && !errors.Is(err, cache.ErrDegraded) {
				e.broken("%s with a broken store: %v, want an error that wraps %q", call.name, err, cache.ErrDegraded)
			}
			if !call.promise && err != nil {
				e.broken("%s with a broken store: %v, want none", call.name, err)
			}
			if c.Stats().Errors == before {
				e.broken("%s with a broken store does not count the failure", call.name)
			}
		}
		store.broken.Store(false)
		e.eventually("the cache works again", func() bool {
			_, err := cache.Of[string](c).Set(e.Context(), "k", "y")
			e.ok("Set", err)
			v, err := cache.Of[string](c).GetOr(e.Context(), "k", "")
			e.ok("GetOr", err)
			return v == "y"
		})
	}},
	{"IgnoredResults", "With IgnoreErrors results tell the truth: nothing found, nothing stored, nothing removed.", func(e *cacheEnv) {
		if !e.caps.full() {
			return
		}
		c, store := e.onSpy(cache.Config{IgnoreErrors: true})
		putIn(e, c, "k", "x")
		store.broken.Store(true)
		ctx, typed := e.Context(), cache.Of[string](c)
		_, found, _ := typed.Get(ctx, "k")
		fallback, _ := typed.GetOr(ctx, "k", "fallback")
		many, _ := typed.GetMany(ctx, []string{"k"})
		stored, _ := typed.Set(ctx, "k", "y")
		added, _ := typed.Add(ctx, "new", "y")
		failed, _ := typed.SetMany(ctx, map[string]string{"a": "1"})
		removed, _ := c.Delete(ctx, "k")
		n, _ := c.DeleteMany(ctx, []string{"k"})
		touched, _ := c.Touch(ctx, "k")
		_, hasTTL, _ := c.TTL(ctx, "k")
		if found || fallback != "fallback" || len(many) != 0 || stored || added || len(failed) != 1 || removed || n != 0 || touched || hasTTL {
			e.broken("found %v, fallback %q, many %v, stored %v, added %v, failed %q, removed %v, %d, touched %v, TTL %v",
				found, fallback, many, stored, added, failed, removed, n, touched, hasTTL)
		}
	}},
	{"CallerErrors", "What the caller did wrong is returned all the same.", func(e *cacheEnv) {
		c := e.newCache(cache.Config{IgnoreErrors: true, MaxValueBytes: 100})
		putIn(e, c, "text", "x")
		for name, row := range map[string]struct{ err, want error }{
			"bad key":   {second(cache.Of[string](c).Set(e.Context(), "", "x")), cache.ErrInvalidKey},
			"too large": {second(cache.Of[[]byte](c).Set(e.Context(), "k", make([]byte, 101))), cache.ErrTooLarge},
		} {
			if !errors.Is(row.err, row.want) {
				e.broken("%s: %v, want %v", name, row.err, row.want)
			}
		}
		if e.caps.NoCounter || e.caps.NoSwapper {
			return
		}
		for name, row := range map[string]struct{ err, want error }{
			"missing counter": {second(c.Incr(e.Context(), "never", 1)), cache.ErrNotFound},
			"no integer":      {second(c.Incr(e.Context(), "text", 1)), cache.ErrNotInteger},
			"missing version": {second(c.IncrVersion(e.Context(), "never")), cache.ErrNotFound},
		} {
			if !errors.Is(row.err, row.want) {
				e.broken("%s: %v, want %v", name, row.err, row.want)
			}
		}
	}},
	{"LoaderServes", "With IgnoreErrors GetOrSet runs its loader while the store is away.", func(e *cacheEnv) {
		if !e.caps.full() {
			return
		}
		c, store := e.onSpy(cache.Config{IgnoreErrors: true})
		store.broken.Store(true)
		for _, opts := range [][]cache.Option{nil, {cache.WithTags("t")}, {cache.TTL(time.Hour)}} {
			v, err := cache.Of[string](c).GetOrSet(e.Context(), "k", func(context.Context) (string, error) { return "x", nil }, opts...)
			if err != nil || v != "x" {
				e.broken("GetOrSet = %q, %v", v, err)
			}
		}
	}},
	{"LoaderError", "The error of a loader is the caller's, not the store's: no policy hides it.", func(e *cacheEnv) {
		c := e.newCache(cache.Config{IgnoreErrors: true})
		_, err := cache.Of[string](c).GetOrSet(e.Context(), "k", func(context.Context) (string, error) { return "", errLoader })
		if !errors.Is(err, errLoader) {
			e.broken("GetOrSet: %v", err)
		}
	}},
	{"UnknownCache", "An unknown name of a cache is an error that lists the known ones.", func(e *cacheEnv) {
		caches, err := cache.NewCaches(map[string]*cache.Cache{"default": e.c, "fragments": e.c})
		e.ok("NewCaches", err)
		found, err := caches.Get("fragments")
		e.ok("Get", err)
		_, unknown := caches.Get("pages")
		if found != e.c || !errors.Is(unknown, cache.ErrUnknownCache) || !containsAll(unknown.Error(), `"pages"`, `"default"`, `"fragments"`) {
			e.broken("Get of an unknown cache: %v", unknown)
		}
	}},
}

// onSpy makes a cache on a store that can be broken.
func (e *cacheEnv) onSpy(cfg cache.Config) (*cache.Cache, *spyStore) {
	e.Helper()
	store := &spyStore{Store: e.store}
	cfg.Store = store
	return e.newCache(cfg), store
}

func second[T any](_ T, err error) error { return err }
