package cache_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/cache/near"
)

// far stands for a store outside the process: it counts round trips, can be
// told to fail, and then says that it is degraded.
type far struct {
	rows  *memory.Store
	trips atomic.Int64
	away  atomic.Bool
}

var errFar = errors.New("too far")

func (f *far) trip() error {
	f.trips.Add(1)
	if f.away.Load() {
		return errFar
	}
	return nil
}

func (f *far) Degraded() bool { return f.away.Load() }
func (f *far) Close() error   { return nil }

func (f *far) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := f.trip(); err != nil {
		return nil, false, err
	}
	return f.rows.Get(ctx, key)
}

func (f *far) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	if err := f.trip(); err != nil {
		return false, err
	}
	return f.rows.Set(ctx, key, value, ttl, when)
}

func (f *far) Delete(ctx context.Context, keys ...string) (int, error) {
	if err := f.trip(); err != nil {
		return 0, err
	}
	return f.rows.Delete(ctx, keys...)
}

func (f *far) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	if err := f.trip(); err != nil {
		return nil, err
	}
	return f.rows.GetMany(ctx, keys)
}

func (f *far) SetMany(ctx context.Context, items []cache.Item) ([]string, error) {
	if err := f.trip(); err != nil {
		return nil, err
	}
	return f.rows.SetMany(ctx, items)
}

func (f *far) Touch(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	if err := f.trip(); err != nil {
		return false, err
	}
	return f.rows.Touch(ctx, key, ttl)
}

func (f *far) TTL(ctx context.Context, key string) (time.Duration, bool, error) {
	if err := f.trip(); err != nil {
		return 0, false, err
	}
	return f.rows.TTL(ctx, key)
}

func (f *far) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (int64, error) {
	if err := f.trip(); err != nil {
		return 0, err
	}
	return f.rows.Incr(ctx, key, delta, create)
}

func (f *far) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	if err := f.trip(); err != nil {
		return false, err
	}
	return f.rows.Swap(ctx, key, old, value, ttl)
}

func (f *far) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return f.rows.Keys(ctx, prefix)
}

// server is a cache with a near tier on a store that several share. Nothing
// tells its tier of what others change but the test.
type server struct {
	*cache.Cache
	store *far
	tier  *near.Tier
	feed  *near.Feed
	pages *cache.Records[string]
}

func newServer(t *testing.T, store *far) *server {
	t.Helper()
	tier, err := near.New(near.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, tier.Close()) })
	feed := tier.Feed("test")
	feed.Up()
	c, err := cache.New(cache.Config{Store: store, Near: tier})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	pages, err := cache.NewRecords(c, cache.RecordsConfig[string]{
		Kind: 'p', Size: func(s string) int { return len(s) },
		Encode: func(s string) ([]byte, error) { return []byte(s), nil }, Decode: func(b []byte) (string, error) { return string(b), nil },
	})
	must(t, err)
	return &server{Cache: c, store: store, tier: tier, feed: feed, pages: pages}
}

func newFar(t *testing.T) *far {
	t.Helper()
	rows, err := memory.New(memory.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, rows.Close()) })
	return &far{rows: rows}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keep makes a page that carries the tags.
func (s *server) keep(t *testing.T, key, body string, tags ...string) {
	t.Helper()
	missed, found, err := s.pages.Get(t.Context(), cache.NewKey(key))
	must(t, err)
	if found {
		t.Fatalf("page %q is there", key)
	}
	ctx, scope := s.pages.Open(t.Context(), missed)
	cache.Tag(ctx, tags...)
	if _, reason, err := s.pages.Put(ctx, cache.NewKey(key), body, scope, time.Hour); err != nil || reason != "" {
		t.Fatalf("Put: %q, %v", reason, err)
	}
}

// shows checks what page key is, "" for a miss, and how many round trips it took.
func (s *server) shows(t *testing.T, key, want string, trips int64) {
	t.Helper()
	before := s.store.trips.Load()
	rec, found, _ := s.pages.Get(t.Context(), cache.NewKey(key))
	if rec.Value != want || found != (want != "") {
		t.Errorf("page %q is %q (found: %v), want %q", key, rec.Value, found, want)
	}
	if took := s.store.trips.Load() - before; trips >= 0 && took != trips {
		t.Errorf("page %q took %d round trips, want %d", key, took, trips)
	}
}

func TestRoundTrips(t *testing.T) {
	t.Parallel()
	store := newFar(t)
	a, b := newServer(t, store), newServer(t, store)
	a.keep(t, "one", "1", "tag", "site")
	a.keep(t, "two", "2", "tag", "site")
	b.shows(t, "none", "", -1) // the generation is known now
	b.shows(t, "one", "1", 2)  // page, then tokens
	b.shows(t, "one", "1", 0)  // held
	b.shows(t, "two", "2", 1)  // its tokens are held
	b.shows(t, "two", "2", 0)
}

func TestPurgeReachesWhatIsHeld(t *testing.T) {
	t.Parallel()
	store := newFar(t)
	a, b := newServer(t, store), newServer(t, store)
	a.keep(t, "one", "1", "tag")
	a.keep(t, "other", "2", "unrelated")
	for range 2 {
		b.shows(t, "one", "1", -1)
		b.shows(t, "other", "2", -1)
	}
	must(t, a.Purge(t.Context(), "tag"))
	a.shows(t, "one", "", -1)
	must(t, b.Observe(t.Context(), cache.Heard{List: []cache.Invalidation{{Kind: cache.InvalidTag, Name: "tag"}}}))
	b.shows(t, "one", "", -1)
	b.shows(t, "other", "2", 0)
	must(t, a.Clear(t.Context()))
	must(t, b.Observe(t.Context(), cache.Heard{List: []cache.Invalidation{{Kind: cache.InvalidAll}}}))
	b.shows(t, "other", "", -1)
}

func TestHeldWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	store := newFar(t)
	s := newServer(t, store)
	values := cache.Of[string](s.Cache)
	s.keep(t, "one", "1", "tag")
	s.keep(t, "two", "2", "other")
	s.keep(t, "unseen", "3")
	_, err := values.Set(t.Context(), "k", "v")
	must(t, err)
	for range 2 { // read, and held
		s.shows(t, "one", "1", -1)
		s.shows(t, "two", "2", -1)
		_, _, err = values.Get(t.Context(), "k")
		must(t, err)
	}
	s.feed.Down("test")
	s.shows(t, "one", "1", 2) // the store is asked while it may know better
	store.away.Store(true)
	s.shows(t, "one", "1", 0)
	s.shows(t, "two", "2", 0)
	if v, found, err := values.Get(t.Context(), "k"); v != "v" || !found || err != nil {
		t.Errorf("a held value while the store is away: %q, %v, %v", v, found, err)
	}
	s.shows(t, "unseen", "", -1)
	if rec, _, _ := s.pages.Get(t.Context(), cache.NewKey("one")); !rec.Unverified {
		t.Error("the page does not say that it is unverified")
	}
	must(t, s.Observe(t.Context(), cache.Heard{List: []cache.Invalidation{{Kind: cache.InvalidTag, Name: "tag"}, {Kind: cache.InvalidKey, Name: "echoic:1:v:k"}}}))
	s.shows(t, "one", "", -1)
	s.shows(t, "two", "2", 0)
	if _, found, _ := values.Get(t.Context(), "k"); found {
		t.Error("a value that the journal names is served")
	}
	store.away.Store(false)
	s.feed.Up()
	s.shows(t, "two", "2", -1)
}

func TestOwnWritesAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, newFar(t))
	values := cache.Of[[]byte](s.Cache)
	for i := range byte(100) {
		_, err := values.Set(t.Context(), "k", []byte{i})
		must(t, err)
		for range 2 {
			got, found, err := values.GetShared(t.Context(), "k")
			must(t, err)
			if !found || got[0] != i {
				t.Fatalf("after Set of %d: %v, %v", i, got, found)
			}
			copied, _, err := values.Get(t.Context(), "k")
			must(t, err)
			copied[0]++ // changes nothing
			longer, found, err := s.AppendBytes(t.Context(), []byte("x"), "k")
			must(t, err)
			if !found || len(longer) != 2 || longer[0] != 'x' || longer[1] != i {
				t.Fatalf("AppendBytes: %v, %v", longer, found)
			}
		}
	}
	_, err := s.Delete(t.Context(), "k")
	must(t, err)
	if _, found, _ := values.GetShared(t.Context(), "k"); found {
		t.Error("a deleted value is served")
	}
}

func TestRecordsTogether(t *testing.T) {
	t.Parallel()
	store := newFar(t)
	a, b := newServer(t, store), newServer(t, store)
	keys := make([]cache.Key, 100)
	for i := range keys {
		name := fmt.Sprint("row", i)
		keys[i] = cache.NewKey(name)
		if i%10 != 7 {
			a.keep(t, name, name, "rows", fmt.Sprint("tag", i%3))
		}
	}
	b.shows(t, "none", "", -1)               // the generation is known now
	for _, trips := range []int64{2, 1, 1} { // rows and tokens; what was missing; again
		before := store.trips.Load()
		recs, found, err := b.pages.GetMany(t.Context(), keys)
		must(t, err)
		for i := range keys {
			if want := i%10 != 7; found[i] != want || want && recs[i].Value != fmt.Sprint("row", i) {
				t.Errorf("row %d: %q, %v", i, recs[i].Value, found[i])
			}
		}
		if took := store.trips.Load() - before; took != trips {
			t.Errorf("%d round trips, want %d", took, trips)
		}
	}
	must(t, b.Purge(t.Context(), "tag1"))
	_, found, err := b.pages.GetMany(t.Context(), keys)
	must(t, err)
	for i := range keys {
		if want := i%10 != 7 && i%3 != 1; found[i] != want {
			t.Errorf("row %d after the purge: %v", i, found[i])
		}
	}
	missed, _, err := b.pages.GetMany(t.Context(), keys[7:8])
	must(t, err)
	_, scope := b.pages.Open(t.Context(), missed[0])
	if _, reason, err := b.pages.Put(t.Context(), keys[7], "made", scope, time.Hour); reason != "" || err != nil {
		t.Errorf("a record that was missed among many is not stored: %q, %v", reason, err)
	}
}
