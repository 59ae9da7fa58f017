package cachetest

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Run is RunStore, and then checks what package cache promises about a
// cache.Cache on top of such a store.
func Run(t *testing.T, newStore func(t *testing.T) cache.Store, caps Caps) {
	t.Helper()
	RunStore(t, newStore, caps)
	t.Run("Cache", func(t *testing.T) {
		store := open(t, newStore)
		for _, g := range cacheGroups(caps) {
			checks := make([]check, len(g.checks))
			for i, c := range g.checks {
				checks[i] = check{c.name, c.rule, func(e *env) {
					c.run(&cacheEnv{env: e, c: e.newCache(cache.Config{})})
				}}
			}
			group(t, g.name, caps, store, newStore, checks)
		}
	})
}

// cacheCheck is a check on a cache of its own, with the default configuration
// and a prefix that no other check has.
type cacheCheck struct {
	name string
	rule string
	run  func(e *cacheEnv)
}

type cacheEnv struct {
	*env
	c *cache.Cache
}

type cacheGroup struct {
	name   string
	checks []cacheCheck
}

func cacheGroups(caps Caps) []cacheGroup {
	validation := cacheGroup{"Validation", cacheValidationChecks}
	if caps.Null {
		return []cacheGroup{validation, {"Null", nullChecks}}
	}
	groups := []cacheGroup{
		validation,
		{"Get", cacheGetChecks},
		{"Set", cacheSetChecks},
		{"GetOrSet", loadChecks},
		{"Stale", staleChecks},
		{"Many", cacheManyChecks},
		{"TTLRules", ttlChecks},
		{"KeyRules", keyChecks},
		{"Copies", copyChecks},
		{"Formats", formatChecks},
		{"Errors", errorChecks},
		{"Clear", clearChecks},
		{"Records", recordChecks},
	}
	if !caps.NoSwapper {
		groups = append(groups, cacheGroup{"Conditions", conditionChecks}, cacheGroup{"Lock", lockChecks})
	}
	if !caps.NoExpirer && !caps.NoSwapper {
		groups = append(groups, cacheGroup{"Lifetime", cacheExpiryChecks}, cacheGroup{"Version", versionChecks})
	}
	if !caps.NoCounter && !caps.NoSwapper {
		groups = append(groups, cacheGroup{"Counter", cacheCounterChecks}, cacheGroup{"Purge", purgeChecks}, cacheGroup{"PurgeSoft", softChecks},
			cacheGroup{"Scope", scopeChecks}, cacheGroup{"TaggedRecords", taggedRecordChecks})
	}
	if !caps.NoLister {
		groups = append(groups, cacheGroup{"Keys", globChecks})
	}
	if caps.full() {
		groups = append(groups, cacheGroup{"Lease", leaseChecks})
	}
	return groups
}

// newCache makes a cache on the store, or on the one in cfg, closed when the
// check ends.
func (e *env) newCache(cfg cache.Config) *cache.Cache {
	e.Helper()
	if cfg.Store == nil {
		cfg.Store = e.store
	}
	if cfg.Prefix == "" {
		cfg.Prefix = strings.TrimSuffix(e.prefix, ":")
	}
	if e.caps.Near != nil && cfg.Near == nil {
		cfg.Near = e.caps.Near(e.T, cfg.Prefix)
	}
	c, err := cache.New(cfg)
	e.ok("cache.New", err)
	e.Cleanup(func() { e.check("Close", c.Close()) })
	return c
}

// hit checks that key holds the value.
func hit[T any](e *cacheEnv, key string, want T, opts ...cache.Option) {
	e.Helper()
	hitIn(e, e.c, key, want, opts...)
}

func hitIn[T any](e *cacheEnv, c *cache.Cache, key string, want T, opts ...cache.Option) {
	e.Helper()
	got, found, err := cache.Of[T](c).Get(e.Context(), key, opts...)
	e.ok("Get", err)
	if !found || !same(got, want) {
		e.broken("Get(%.80q) = %#v, %v, want %#v, true", key, got, found, want)
	}
}

// missed checks that key holds nothing.
func missed(e *cacheEnv, key string, opts ...cache.Option) {
	e.Helper()
	missedIn(e, e.c, key, opts...)
}

func missedIn(e *cacheEnv, c *cache.Cache, key string, opts ...cache.Option) {
	e.Helper()
	got, found, err := cache.Of[any](c).Get(e.Context(), key, opts...)
	e.ok("Get", err)
	if found || got != nil {
		e.broken("Get(%.80q) = %#v, %v, want a miss", key, got, found)
	}
}

// put stores a value that nothing prevents from being stored.
func put[T any](e *cacheEnv, key string, value T, opts ...cache.Option) {
	e.Helper()
	putIn(e, e.c, key, value, opts...)
}

func putIn[T any](e *cacheEnv, c *cache.Cache, key string, value T, opts ...cache.Option) {
	e.Helper()
	stored, err := cache.Of[T](c).Set(e.Context(), key, value, opts...)
	e.ok("Set", err)
	if !stored {
		e.brokenNow("Set(%.80q) reports that it did not store", key)
	}
}

// over waits until key is a miss.
func (e *cacheEnv) over(key string, opts ...cache.Option) {
	e.Helper()
	e.eventually("the value of "+key+" is gone", func() bool {
		found, err := e.c.Has(e.Context(), key, opts...)
		e.ok("Has", err)
		return !found
	})
}

// same is reflect.DeepEqual, which also knows that two times can be the same
// instant in different words.
func same(a, b any) bool {
	if x, ok := a.(time.Time); ok {
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	}
	return reflect.DeepEqual(a, b)
}
