package cachetest

import (
	"strconv"
	"testing"

	"github.com/echoic-go/echoic/cache"
)

// RunStore checks that the stores that newStore makes keep the contract of
// cache.Store and of the powers that caps claims. It runs as parallel subtests of
// t and returns when they have ended. newStore may be called often and from
// several goroutines; the suite closes what it returns, and Close is idempotent,
// so newStore may register a Close of its own.
func RunStore(t *testing.T, newStore func(t *testing.T) cache.Store, caps Caps) {
	t.Helper()
	t.Run("Store", func(t *testing.T) {
		store := open(t, newStore)
		caps.verify(t, store)
		for _, g := range storeGroups(caps) {
			group(t, g.name, caps, store, newStore, g.checks)
		}
	})
}

type checkGroup struct {
	name   string
	checks []check
}

func storeGroups(caps Caps) []checkGroup {
	validation := checkGroup{"Validation", validationChecks(caps)}
	if caps.Null {
		return []checkGroup{validation}
	}
	groups := []checkGroup{
		validation,
		{"Get", getChecks},
		{"Set", setChecks},
		{"Lifetime", lifetimeChecks},
		{"When", whenChecks},
		{"Delete", deleteChecks},
		{"Close", closeChecks},
		{"Sharing", sharingChecks(caps)},
	}
	optional := []struct {
		has    bool
		group  string
		checks []check
	}{
		{!caps.NoMany, "ManyStore", manyChecks},
		{!caps.NoExpirer, "Expirer", expirerChecks},
		{!caps.NoCounter, "Counter", counterChecks},
		{!caps.NoCounter && caps.Shared, "SharedCounter", sharedCounterChecks},
		{!caps.NoSwapper, "Swapper", swapperChecks},
		{!caps.NoLister, "Lister", listerChecks},
		{caps.Objects, "ObjectStore", objectChecks},
		{caps.Renewer, "Renewer", renewerChecks},
	}
	for _, o := range optional {
		if o.has {
			groups = append(groups, checkGroup{o.group, o.checks})
		}
	}
	return groups
}

func itoa(i int) string { return strconv.Itoa(i) }
