package cachetest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// check is one sentence of a contract and how to find out whether it holds.
type check struct {
	name string // of the subtest
	rule string // the sentence, as the failure cites it
	run  func(e *env)
}

// factory makes the stores under test.
type factory func(t *testing.T) cache.Store

// env is what a check works with: a store, keys of its own, and ways to fail.
type env struct {
	*testing.T
	store  cache.Store
	caps   Caps
	prefix string
	rule   string
	make   factory
}

// group runs checks as parallel subtests, on one store: opening one can be dear.
func group(t *testing.T, name string, caps Caps, store cache.Store, make factory, checks []check) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		for _, c := range checks {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.run(&env{T: t, store: store, caps: caps, prefix: randomPrefix(), rule: c.rule, make: make})
			})
		}
	})
}

// randomPrefix keeps the tests on a shared server apart.
func randomPrefix() string { return "cachetest-" + strings.ToLower(rand.Text()[:12]) + ":" }

// fresh opens another store, closed when the check ends.
func (e *env) fresh() cache.Store {
	e.Helper()
	return open(e.T, e.make)
}

func open(t *testing.T, make factory) cache.Store {
	t.Helper()
	store := make(t)
	if store == nil {
		t.Fatal("cachetest: the factory returned a nil store")
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("cachetest: Close: %v", err)
		}
	})
	return store
}

// key is a key of this check only.
func (e *env) key(name string) string { return e.prefix + name }

// keys are n keys of this check only.
func (e *env) keys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = e.key("k" + itoa(i))
	}
	return keys
}

// broken fails the check and goes on; brokenNow stops it.
func (e *env) broken(format string, args ...any) {
	e.Helper()
	e.Errorf(format+"\n\tbroken: "+strings.ReplaceAll(e.rule, "%", "%%"), args...)
}

func (e *env) brokenNow(format string, args ...any) {
	e.Helper()
	e.broken(format, args...)
	e.FailNow()
}

// ok stops the check if a call failed that has no reason to.
func (e *env) ok(call string, err error) {
	e.Helper()
	if err != nil {
		e.brokenNow("%s: %v", call, err)
	}
}

// eventually polls until cond holds, for at most ten seconds.
func (e *env) eventually(what string, cond func() bool) {
	e.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			e.brokenNow("still not so after 10s: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// set stores a value that nothing prevents from being stored.
func (e *env) set(key, value string, ttl time.Duration) {
	e.Helper()
	stored, err := e.store.Set(e.Context(), key, []byte(value), ttl, cache.Always)
	e.ok("Set", err)
	if !stored {
		e.brokenNow("Set(%q, Always) reports that it did not store", key)
	}
}

// setAll stores a value under every key, in few round trips if the store can.
func (e *env) setAll(keys []string) {
	e.Helper()
	many, ok := e.store.(cache.ManyStore)
	if !ok {
		for _, key := range keys {
			e.set(key, "x", cache.Forever)
		}
		return
	}
	items := make([]cache.Item, len(keys))
	for i, key := range keys {
		items[i] = cache.Item{Key: key, Value: []byte("x"), TTL: cache.Forever}
	}
	failed, err := many.SetMany(e.Context(), items)
	e.ok("SetMany", err)
	if len(failed) != 0 {
		e.brokenNow("SetMany could not keep %q", failed)
	}
}

// holds checks that key has the value.
func (e *env) holds(key, want string) {
	e.Helper()
	e.storeHolds(e.store, key, want)
}

func (e *env) storeHolds(store cache.Store, key, want string) {
	e.Helper()
	got, found, err := store.Get(e.Context(), key)
	e.ok("Get", err)
	if !found || string(got) != want {
		e.broken("Get(%q) = %q, %v, want %q, true", key, clip(got), found, clip([]byte(want)))
	}
}

// absent checks that key is a miss in the form the contract gives it.
func (e *env) absent(key string) {
	e.Helper()
	got, found, err := e.store.Get(e.Context(), key)
	e.ok("Get", err)
	if found || got != nil {
		e.broken("Get(%q) = %q, %v, want nil, false", key, clip(got), found)
	}
}

// gone waits until key is a miss.
func (e *env) gone(key string) {
	e.Helper()
	e.eventually("the value under "+key+" is gone", func() bool {
		_, found, err := e.store.Get(e.Context(), key)
		e.ok("Get", err)
		return !found
	})
}

// clip keeps failures readable.
func clip(b []byte) []byte {
	if len(b) > 64 {
		return append(append([]byte{}, b[:64]...), "…"...)
	}
	return b
}

// canceled is a context that has ended.
func (e *env) canceled() context.Context {
	ctx, cancel := context.WithCancel(e.Context())
	cancel()
	return ctx
}
