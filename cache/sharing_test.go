package cache_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

// Whose look was answered by a fallback shares what is being made for one that the
// store has answered, for a second, unless something was purged meanwhile that this
// process knows of. Nobody who has an answer of the store shares what was begun by
// the fallback's, and on the fallback its own numbers count.
func TestSharesAcrossTheFallback(t *testing.T) {
	t.Parallel()
	spare, err := memory.New(memory.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, spare.Close()) })
	store := &twofold{far: newFar(t), spare: spare}
	c, err := cache.New(cache.Config{Store: store})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	pages, err := cache.NewRecords(c, cache.RecordsConfig[string]{
		Kind: 'p', Size: func(string) int { return 1 },
		Encode: func(s string) ([]byte, error) { return []byte(s), nil },
		Decode: func(b []byte) (string, error) { return string(b), nil },
	})
	must(t, err)
	look := func(away bool) cache.Record[string] {
		t.Helper()
		store.away.Store(away)
		rec, found, err := pages.Get(t.Context(), cache.NewKey("k"))
		if found || err != nil {
			t.Fatal(found, err)
		}
		return rec
	}
	shares := func(what string, who, leader cache.Record[string], later time.Duration, want bool) {
		t.Helper()
		if got := who.Shares(leader.Moment(), later); got != want {
			t.Errorf("%s: %v", what, got)
		}
	}
	there, spared := look(false), look(true)
	if there.Spared() || !spared.Spared() || there.Away() || spared.Away() {
		t.Errorf("who has answered: %v, %v", there.Spared(), spared.Spared())
	}
	shares("the store's answer, and again", look(false), there, time.Hour, true)
	shares("the fallback's answer, behind the store's", spared, there, time.Second, true)
	shares("the same, too late", spared, there, time.Second+1, false)
	shares("the store's answer, behind the fallback's", there, spared, 0, false)
	shares("the fallback's answer, and again", look(true), spared, time.Hour, true)
	must(t, c.Observe(t.Context(), cache.Heard{List: []cache.Invalidation{{Kind: cache.InvalidTag, Name: "any"}}}))
	shares("the fallback's answer, after a purge", look(true), there, 0, false)
	shares("the same, both the fallback's", look(true), spared, 0, false)
}
