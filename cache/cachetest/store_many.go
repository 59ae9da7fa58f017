package cachetest

import (
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
)

var manyChecks = []check{
	{"GetOrder", "GetMany returns one value a key, in the order of keys, nil for a miss.", func(e *env) {
		keys := e.keys(5)
		e.set(keys[0], "0", cache.Forever)
		e.set(keys[2], "2", cache.Forever)
		e.set(keys[4], "4", cache.Forever)
		e.getsMany([]string{keys[4], keys[1], keys[0], keys[3], keys[2]}, "4", miss, "0", miss, "2")
	}},
	{"GetDuplicates", "GetMany: keys may repeat.", func(e *env) {
		keys := e.keys(2)
		e.set(keys[0], "0", cache.Forever)
		e.getsMany([]string{keys[0], keys[1], keys[0], keys[1], keys[0]}, "0", miss, "0", miss, "0")
	}},
	{"GetEmptyValue", "GetMany: an empty value is an empty slice that is not nil.", func(e *env) {
		keys := e.keys(2)
		e.set(keys[0], "", cache.Forever)
		e.getsMany(keys, "", miss)
	}},
	{"GetExpired", "GetMany: expired values are misses.", func(e *env) {
		keys := e.keys(2)
		e.set(keys[0], "x", brief)
		e.set(keys[1], "y", cache.Forever)
		e.gone(keys[0])
		e.getsMany(keys, miss, "y")
	}},
	{"GetNothing", "GetMany of no keys is fine.", func(e *env) { e.getsMany(nil) }},
	{"GetThousand", "GetMany takes any number of keys.", func(e *env) {
		keys := e.keys(1500)
		e.setsMany(itemsFor(keys, time.Hour))
		want := make([]string, len(keys))
		for i, key := range keys {
			want[i] = "value of " + key
		}
		e.getsMany(keys, want...)
	}},
	{"Set", "SetMany keeps every item.", func(e *env) {
		e.set(e.key("k1"), "old", cache.Forever)
		items := itemsFor(e.keys(4), cache.Forever)
		items[3].Value = nil
		e.setsMany(items)
		e.getsMany(e.keys(4), "value of "+e.key("k0"), "value of "+e.key("k1"), "value of "+e.key("k2"), "")
	}},
	{"SetLifetimes", "SetMany gives each item its own ttl.", func(e *env) {
		keys := e.keys(3)
		items := itemsFor(keys, cache.Forever)
		items[1].TTL = brief
		e.lifetime(keys[1], brief, func() { e.setsMany(items) })
		e.holds(keys[0], "value of "+keys[0])
		e.holds(keys[2], "value of "+keys[2])
	}},
	{"SetReplacesLifetime", "SetMany replaces lifetimes, as Set with Always would.", func(e *env) {
		keys := e.keys(2)
		e.set(keys[0], "x", cache.Forever)
		e.lifetime(keys[0], brief, func() { e.setsMany(itemsFor(keys, brief)) })
	}},
	{"SetDuplicates", "SetMany with a key twice keeps the last, as Set one by one would.", func(e *env) {
		keys := e.keys(2)
		e.setsMany([]cache.Item{
			{Key: keys[0], Value: []byte("first"), TTL: brief},
			{Key: keys[1], Value: []byte("other"), TTL: cache.Forever},
			{Key: keys[0], Value: []byte("last"), TTL: cache.Forever},
		})
		e.getsMany(keys, "last", "other")
	}},
	{"SetNothing", "SetMany of no items is fine.", func(e *env) { e.setsMany(nil) }},
	{"SetBinary", "SetMany keeps any bytes.", func(e *env) {
		keys := e.keys(2)
		e.setsMany([]cache.Item{
			{Key: keys[0], Value: []byte("\x00\xff'\\"), TTL: cache.Forever},
			{Key: keys[1], Value: []byte(strings.Repeat("\xee", 100_000)), TTL: cache.Forever},
		})
		e.getsMany(keys, "\x00\xff'\\", strings.Repeat("\xee", 100_000))
	}},
}

// miss stands for nil in the expectations of getsMany.
const miss = "\x00miss"

func (e *env) getsMany(keys []string, want ...string) {
	e.Helper()
	values, err := e.store.(cache.ManyStore).GetMany(e.Context(), keys)
	e.ok("GetMany", err)
	if len(values) != len(keys) {
		e.brokenNow("GetMany of %d keys returned %d values", len(keys), len(values))
	}
	for i, got := range values {
		switch {
		case want[i] == miss && got != nil:
			e.brokenNow("GetMany value %d = %q, want nil", i, clip(got))
		case want[i] != miss && (got == nil || string(got) != want[i]):
			e.brokenNow("GetMany value %d = %q (nil: %v), want %q", i, clip(got), got == nil, clip([]byte(want[i])))
		}
	}
}

func (e *env) setsMany(items []cache.Item) {
	e.Helper()
	failed, err := e.store.(cache.ManyStore).SetMany(e.Context(), items)
	e.ok("SetMany", err)
	if len(failed) != 0 {
		e.brokenNow("SetMany could not keep %d of %d items, %q first", len(failed), len(items), failed[0])
	}
}

func itemsFor(keys []string, ttl time.Duration) []cache.Item {
	items := make([]cache.Item, len(keys))
	for i, key := range keys {
		items[i] = cache.Item{Key: key, Value: []byte("value of " + key), TTL: ttl}
	}
	return items
}
