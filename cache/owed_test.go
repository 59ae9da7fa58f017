package cache_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// ledger is a journal that remembers how much was said and told.
type ledger struct{ said, told atomic.Int64 }

func (l *ledger) Append(_ context.Context, list ...cache.Invalidation) (cache.Receipt, error) {
	n := l.said.Add(int64(len(list)))
	return cache.Receipt{First: n, Last: n}, nil
}

func (l *ledger) Applied(context.Context, cache.Receipt) { l.told.Add(1) }

// A purge that the store did not hear of is acknowledged, because it is in the
// journal. The process that said it must not serve what it purged, not even when
// the store is back before anybody has told it.
func TestAcknowledgedPurgeHolds(t *testing.T) {
	t.Parallel()
	store := newFar(t)
	journal := &ledger{}
	c, err := cache.New(cache.Config{Store: store, Journal: journal})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	values := cache.Of[string](c)
	for _, key := range []string{"purged", "kept"} {
		_, err := values.Set(t.Context(), key, "v", cache.WithTags(key), cache.TTL(time.Hour))
		must(t, err)
	}
	store.away.Store(true)
	must(t, c.Purge(t.Context(), "purged"))
	if journal.said.Load() != 1 || journal.told.Load() != 0 {
		t.Errorf("the journal has %d rows, %d of them told", journal.said.Load(), journal.told.Load())
	}
	store.away.Store(false)
	if v, found, err := values.Get(t.Context(), "purged"); found || err != nil {
		t.Errorf("the purged value: %q, %v, %v", v, found, err)
	}
	if v, found, err := values.Get(t.Context(), "kept"); !found || err != nil {
		t.Errorf("the other value: %q, %v, %v", v, found, err)
	}
	_, err = values.Set(t.Context(), "purged", "w", cache.WithTags("purged"), cache.TTL(time.Hour))
	must(t, err)
	if v, _, _ := values.Get(t.Context(), "purged"); v != "w" {
		t.Errorf("the next value: %q", v)
	}
}

// shut is a journal that takes nothing.
type shut struct{ ledger }

func (*shut) Append(context.Context, ...cache.Invalidation) (cache.Receipt, error) {
	return cache.Receipt{}, errors.New("the database is away")
}

// What is in no journal is not acknowledged, although the store has heard of it: a
// store that comes back with old data would serve again what was purged.
func TestNobodyPurgesWithoutTheJournal(t *testing.T) {
	t.Parallel()
	c, err := cache.New(cache.Config{Store: newFar(t), Journal: new(shut), IgnoreErrors: true})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	for name, err := range map[string]error{"Purge": c.Purge(t.Context(), "t"), "PurgeSoft": c.PurgeSoft(t.Context(), "t"), "Clear": c.Clear(t.Context())} {
		if !errors.Is(err, cache.ErrDegraded) {
			t.Errorf("%s: %v, want ErrDegraded", name, err)
		}
	}
}

func TestAcknowledgedClearHolds(t *testing.T) {
	t.Parallel()
	store := newFar(t)
	c, err := cache.New(cache.Config{Store: store, Journal: &ledger{}})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	values := cache.Of[string](c)
	_, err = values.Set(t.Context(), "k", "v")
	must(t, err)
	store.away.Store(true)
	must(t, c.Clear(t.Context()))
	store.away.Store(false)
	if v, found, err := values.Get(t.Context(), "k"); found || err != nil {
		t.Errorf("after the Clear: %q, %v, %v", v, found, err)
	}
}

// What is remembered is bounded; beyond, nothing is acknowledged.
func TestOwedPurgesAreBounded(t *testing.T) {
	t.Parallel()
	store := newFar(t)
	c, err := cache.New(cache.Config{Store: store, Journal: &ledger{}})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	store.away.Store(true)
	tags := make([]string, 1000)
	refused := false
	for i := range 20 {
		for j := range tags {
			tags[j] = string(rune('a'+i)) + string(rune(0x100+j))
		}
		refused = c.Purge(t.Context(), tags...) != nil
	}
	if !refused {
		t.Error("20,000 purges that no store has heard of are acknowledged")
	}
}
