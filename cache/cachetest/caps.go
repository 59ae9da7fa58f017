package cachetest

import (
	"testing"

	"github.com/echoic-go/echoic/cache"
)

// Caps says what the store under test is expected to be able to do. The zero
// value expects the five powers that every backend of Echoic has, ManyStore,
// Expirer, Counter, Swapper and Lister, in a store that others do not share.
//
// The store must be able to hold 10,000 values and 32 MiB, and should not expect
// its values to be read before it evicts.
type Caps struct {
	// Null is a store that keeps nothing: only the Validation group runs.
	Null bool
	// Objects says that it is a cache.ObjectStore too.
	Objects bool
	// Renewer says that it is a cache.Renewer too.
	Renewer bool
	// Shared says that all stores that the factory makes see the same values,
	// as clients of one server do. Otherwise each must have its own.
	Shared bool
	// Near, if not nil, makes a verified near tier for caches with the prefix in
	// the store: the checks of package cache then run behind one. Each cache
	// gets its own, as each server has. It ends with t.
	Near func(t *testing.T, prefix string) cache.Near

	// NoMany says that it is no cache.ManyStore.
	NoMany bool
	// NoExpirer says that it is no cache.Expirer.
	NoExpirer bool
	// NoCounter says that it is no cache.Counter.
	NoCounter bool
	// NoSwapper says that it is no cache.Swapper.
	NoSwapper bool
	// NoLister says that it is no cache.Lister.
	NoLister bool
}

// full reports whether the store has all powers that matter to package cache.
func (c Caps) full() bool {
	return !c.NoMany && !c.NoExpirer && !c.NoCounter && !c.NoSwapper && !c.NoLister
}

// verify compares what was claimed with what the store is: a method with a wrong
// signature would otherwise switch its checks off unseen.
func (c Caps) verify(t *testing.T, store cache.Store) {
	t.Helper()
	claims := []struct {
		name    string
		claimed bool
		found   bool
	}{
		{"ManyStore", !c.NoMany, is[cache.ManyStore](store)},
		{"Expirer", !c.NoExpirer, is[cache.Expirer](store)},
		{"Counter", !c.NoCounter, is[cache.Counter](store)},
		{"Swapper", !c.NoSwapper, is[cache.Swapper](store)},
		{"Lister", !c.NoLister, is[cache.Lister](store)},
		{"ObjectStore", c.Objects, is[cache.ObjectStore](store)},
		{"Renewer", c.Renewer, is[cache.Renewer](store)},
	}
	for _, claim := range claims {
		if claim.claimed != claim.found {
			t.Errorf("cachetest: Caps says cache.%s: %v, but that %T implements it is %v", claim.name, claim.claimed, store, claim.found)
		}
	}
}

func is[T any](store cache.Store) bool {
	_, ok := store.(T)
	return ok
}
