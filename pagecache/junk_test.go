package pagecache_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/pagecache"
)

// shared is a store as it looks from outside of the process: bytes only. It
// counts the pages that it is given.
type shared struct {
	cache.Store
	cache.Counter
	cache.Swapper
	pages atomic.Int64
}

func (s *shared) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	if strings.Contains(key, ":p:") {
		s.pages.Add(1)
	}
	return s.Store.Set(ctx, key, value, ttl, when)
}

// sharedSite is a site whose pages are in such a store.
func sharedSite(t *testing.T, opts ...pagecache.Option) (*site, *shared) {
	t.Helper()
	return sharedSiteWith(t, page("x"), opts...)
}

func sharedSiteOf(t *testing.T, handler http.HandlerFunc) *site {
	s, _ := sharedSiteWith(t, handler)
	return s
}

func sharedSiteWith(t *testing.T, handler http.HandlerFunc, opts ...pagecache.Option) (*site, *shared) {
	t.Helper()
	store, err := memory.New(memory.Config{MaxEntries: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	far := &shared{Store: store, Counter: store, Swapper: store}
	s := newSite(t, handler, func(cfg *pagecache.Config) {
		c, err := cache.New(cache.Config{Store: far, IgnoreErrors: true, Now: cfg.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = c.Close()
			_ = far.Close()
		})
		cfg.Cache, cfg.StoreBudget = c, time.Minute // no test of how busy the machine is
	}, opts...)
	return s, far
}

// SAFETY, rule 11: URLs that nobody asks for twice do not reach the store.
func TestJunkQueriesDoNotReachTheStore(t *testing.T) {
	t.Parallel()
	s, far := sharedSite(t, pagecache.Query("page"))
	for i := range 1000 {
		s.get(fmt.Sprint("http://a.test/?x=", i))
		s.get(fmt.Sprint("http://a.test/?page=1&x=", i))
	}
	if n := far.pages.Load(); n != 0 {
		t.Fatalf("%d pages of made-up URLs are in the store", n)
	}
}

func TestPagesEnterASharedStore(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url  string
		hits [3]bool
	}{
		{"http://a.test/", [3]bool{false, true, true}},                     // no query
		{"http://a.test/?page=2", [3]bool{false, true, true}},              // declared
		{"http://a.test/?utm_source=x&page=3", [3]bool{false, true, true}}, // ignored ones do not count
		{"http://a.test/?x=1", [3]bool{false, false, true}},                // undeclared
		{"http://a.test/?page=2&x=1", [3]bool{false, false, true}},         // one of them
		{"http://a.test/?Page=2", [3]bool{false, false, true}},             // names are exact
	}
	s, _ := sharedSite(t, pagecache.Query("page"))
	for _, tt := range tests {
		for i, want := range tt.hits {
			if got := isHit(t, s.get(tt.url)); got != want {
				t.Errorf("%s, request %d: hit is %v, want %v", tt.url, i+1, got, want)
			}
		}
	}
	// The second request comes too late.
	s.get("http://a.test/?y=1")
	s.clock.Store(int64(2 * time.Minute))
	for i, want := range []bool{false, false, true} {
		if got := isHit(t, s.get("http://a.test/?y=1")); got != want {
			t.Errorf("request %d long after the first: hit is %v, want %v", i+1, got, want)
		}
	}
}

// Inside the process memory is bounded anyway: there everything is kept at once.
func TestJunkQueriesInMemory(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), nil)
	s.get("http://a.test/?x=1")
	if !isHit(t, s.get("http://a.test/?x=1")) {
		t.Fatal("not a hit in memory")
	}
}
