package cachetest

import (
	"context"
	"sync/atomic"

	"github.com/echoic-go/echoic/cache"
)

var staleChecks = []cacheCheck{
	{"ServedOnce", "With stale-while-revalidate an old value is returned at once while one loader makes the next.", func(e *cacheEnv) {
		opts := []cache.Option{cache.TTL(brief), cache.StaleFor(day)}
		var runs atomic.Int64
		e.loads("k", "old", counting(&runs, "old"), opts...)
		e.over("k")
		release := make(chan struct{})
		slow := func(context.Context) (string, error) {
			runs.Add(1)
			<-release
			return "new", nil
		}
		for range 5 {
			e.loads("k", "old", slow, opts...)
		}
		close(release)
		e.eventually("the new value is there", func() bool {
			v, err := cache.Of[string](e.c).GetOrSet(e.Context(), "k", counting(&runs, "newer"), opts...)
			e.ok("GetOrSet", err)
			return v != "old"
		})
	}},
	{"MissForOthers", "What is past its end is a miss for every other call.", func(e *cacheEnv) {
		opts := []cache.Option{cache.TTL(brief), cache.StaleFor(day)}
		e.loads("k", "old", func(context.Context) (string, error) { return "old", nil }, opts...)
		e.over("k")
		missed(e, "k")
		many, err := cache.Of[string](e.c).GetMany(e.Context(), []string{"k"})
		e.ok("GetMany", err)
		if len(many) != 0 {
			e.broken("GetMany = %v", many)
		}
		e.loads("k", "new", func(context.Context) (string, error) { return "new", nil }) // not asked for stale ones
		hit(e, "k", "new")
	}},
	{"FailureKeepsStale", "A loader that fails in the background changes nothing: the old value is served until it is too old.", func(e *cacheEnv) {
		opts := []cache.Option{cache.TTL(brief), cache.StaleFor(day)}
		e.loads("k", "old", func(context.Context) (string, error) { return "old", nil }, opts...)
		e.over("k")
		var runs atomic.Int64
		fails := func(context.Context) (string, error) {
			runs.Add(1)
			return "", errLoader
		}
		e.eventually("two loaders have failed", func() bool {
			e.loads("k", "old", fails, opts...)
			return runs.Load() >= 2
		})
	}},
}
