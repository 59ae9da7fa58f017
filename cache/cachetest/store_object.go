package cachetest

import (
	"time"

	"github.com/echoic-go/echoic/cache"
)

// thing is what the checks store as an object.
type thing struct{ name string }

var objectChecks = []check{
	{"Same", "Object returns the value under key, shared by all who read it.", func(e *env) {
		v := &thing{"x"}
		e.setObject(e.key("k"), v, cache.Forever)
		e.objectIs(e.key("k"), v)
		other := &thing{"y"}
		e.setObject(e.key("k"), other, cache.Forever)
		e.objectIs(e.key("k"), other)
	}},
	{"Missing", "Object finds nothing where nothing is.", func(e *env) { e.noObject(e.key("k")) }},
	{"Expires", "SetObject keeps value for ttl.", func(e *env) {
		key := e.key("k")
		e.setObject(key, &thing{"x"}, brief)
		e.eventually("the object is gone", func() bool {
			_, found := e.store.(cache.ObjectStore).Object(key)
			return !found
		})
		begin := time.Now()
		e.setObject(key, &thing{"x"}, time.Hour)
		if !e.caps.NoExpirer {
			e.ttlLeft(key, time.Hour, begin)
			e.touches(true, key, cache.Forever)
			e.ttlIs(key, cache.Forever, true)
		}
	}},
	{"GetOfObject", "A Get of an object's key is a miss.", func(e *env) {
		e.setObject(e.key("k"), &thing{"x"}, cache.Forever)
		e.absent(e.key("k"))
		if !e.caps.NoMany {
			e.getsMany([]string{e.key("k")}, miss)
		}
	}},
	{"ObjectOfBytes", "Object of a byte value's key is a miss.", func(e *env) {
		e.set(e.key("k"), "x", cache.Forever)
		e.noObject(e.key("k"))
	}},
	{"SharedKeys", "Object and byte values share keys: the last one stored is there.", func(e *env) {
		e.set(e.key("k"), "x", cache.Forever)
		e.setObject(e.key("k"), &thing{"x"}, cache.Forever)
		e.absent(e.key("k"))
		e.set(e.key("k"), "y", cache.Forever)
		e.noObject(e.key("k"))
		e.holds(e.key("k"), "y")
	}},
	{"Delete", "Delete removes objects, and counts them.", func(e *env) {
		e.setObject(e.key("k"), &thing{"x"}, cache.Forever)
		e.deletes(1, e.key("k"))
		e.noObject(e.key("k"))
	}},
	{"IfAbsent", "Where an object is, something is.", func(e *env) {
		v := &thing{"x"}
		e.setObject(e.key("k"), v, cache.Forever)
		e.stores(false, e.key("k"), "y", cache.Forever, cache.IfAbsent)
		e.objectIs(e.key("k"), v)
		e.stores(true, e.key("k"), "y", cache.Forever, cache.IfPresent)
		e.holds(e.key("k"), "y")
	}},
	{"Nil", "A nil object is found.", func(e *env) {
		e.setObject(e.key("k"), nil, cache.Forever)
		e.objectIs(e.key("k"), nil)
	}},
	{"Epoch", "PurgeEpoch is one and the same for all callers.", func(e *env) {
		store := e.store.(cache.ObjectStore)
		first, second := store.PurgeEpoch(), store.PurgeEpoch()
		if first == nil || first != second {
			e.broken("PurgeEpoch returns nil or differs from call to call")
		}
	}},
	{"Closed", "After Close nothing is found and nothing is stored.", func(e *env) {
		store := e.fresh()
		objects := store.(cache.ObjectStore)
		objects.SetObject(e.key("k"), &thing{"x"}, 1, cache.Forever)
		e.ok("Close", store.Close())
		if objects.SetObject(e.key("k"), &thing{"y"}, 1, cache.Forever) {
			e.broken("SetObject after Close reports that it stored")
		}
		if _, found := objects.Object(e.key("k")); found {
			e.broken("Object after Close finds something")
		}
	}},
}

func (e *env) setObject(key string, value any, ttl time.Duration) {
	e.Helper()
	if !e.store.(cache.ObjectStore).SetObject(key, value, 100, ttl) {
		e.brokenNow("SetObject(%q) reports that it did not store", key)
	}
}

func (e *env) objectIs(key string, want any) {
	e.Helper()
	got, found := e.store.(cache.ObjectStore).Object(key)
	if !found || got != want {
		e.broken("Object(%q) = %v, %v, want %v", key, got, found, want)
	}
}

func (e *env) noObject(key string) {
	e.Helper()
	if got, found := e.store.(cache.ObjectStore).Object(key); found || got != nil {
		e.broken("Object(%q) = %v, %v, want nil, false", key, got, found)
	}
}
