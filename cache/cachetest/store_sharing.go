package cachetest

import (
	"time"

	"github.com/echoic-go/echoic/cache"
)

// sharingChecks are about two stores at once.
func sharingChecks(caps Caps) []check {
	if !caps.Shared {
		return []check{{"Apart", "Two stores in one process never meet.", func(e *env) {
			other := e.fresh()
			e.set(e.key("k"), "x", cache.Forever)
			if _, found, err := other.Get(e.Context(), e.key("k")); err != nil || found {
				e.broken("the other store finds the value: %v, %v", found, err)
			}
			_, err := other.Set(e.Context(), e.key("k"), []byte("y"), cache.Forever, cache.Always)
			e.ok("Set", err)
			e.ok("Close", other.Close())
			e.holds(e.key("k"), "x")
		}}}
	}
	return []check{
		{"Together", "Stores on one server see the same values.", func(e *env) {
			other := e.fresh()
			e.set(e.key("k"), "x", time.Hour)
			e.storeHolds(other, e.key("k"), "x")
			n, err := other.Delete(e.Context(), e.key("k"))
			e.ok("Delete", err)
			if n != 1 {
				e.broken("Delete from another store = %d, want 1", n)
			}
			e.absent(e.key("k"))
		}},
		{"Stays", "Close does not remove stored values from a backend that outlives the process.", func(e *env) {
			first := e.fresh()
			_, err := first.Set(e.Context(), e.key("k"), []byte("x"), time.Hour, cache.Always)
			e.ok("Set", err)
			e.ok("Close", first.Close())
			e.holds(e.key("k"), "x")
		}},
		{"RaceIfAbsent", "IfAbsent is one atomic step across the clients of one server.", func(e *env) {
			stores := []cache.Store{e.store, e.fresh(), e.fresh()}
			if n := e.winners(63, func(i int) (bool, error) {
				return stores[i%len(stores)].Set(e.Context(), e.key("k"), []byte(itoa(i)), time.Hour, cache.IfAbsent)
			}); n != 1 {
				e.broken("%d of 63 racing IfAbsent of three clients stored, want 1", n)
			}
		}},
	}
}
