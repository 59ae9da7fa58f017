package pagecache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

// bothStores runs a test on a store inside the process and on one outside.
func bothStores(t *testing.T, test func(t *testing.T, make func(http.HandlerFunc) *site)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, func(h http.HandlerFunc) *site { return newSite(t, h, nil) })
	})
	t.Run("shared", func(t *testing.T) {
		t.Parallel()
		test(t, func(h http.HandlerFunc) *site { return sharedSiteOf(t, h) })
	})
}

// A page that was purged softly is served stale while one run makes it anew; a hard
// purge spares nothing, whatever soft ones came before or after.
func TestPurgeSoft(t *testing.T) {
	t.Parallel()
	bothStores(t, func(t *testing.T, newSite func(http.HandlerFunc) *site) {
		const url = "http://a.test/quotes/7"
		ways := map[string]func(s *site, softly bool) error{
			"tag": func(s *site, softly bool) error {
				return pick(softly, s.pages.PurgeSoft, s.pages.Purge)(context.Background(), "quote:7")
			},
			"URL": func(s *site, softly bool) error {
				return one(softly, s.pages.PurgeURLSoft, s.pages.PurgeURL)(context.Background(), url)
			},
			"prefix": func(s *site, softly bool) error {
				return one(softly, s.pages.PurgePrefixSoft, s.pages.PurgePrefix)(context.Background(), "http://a.test/quotes")
			},
			"all": func(s *site, softly bool) error {
				if softly {
					return s.pages.PurgeAllSoft(context.Background())
				}
				return s.pages.PurgeAll(context.Background())
			},
		}
		for name, purge := range ways {
			handler := numbered()
			s := newSite(func(w http.ResponseWriter, r *http.Request) {
				cache.Tag(r.Context(), "quote:7")
				handler(w, r)
			})
			want := func(step, text string, hit bool) {
				t.Helper()
				r := s.get(url)
				if got := body(t, r); got != text || isHit(t, r) != hit {
					t.Fatalf("%s, %s: %q, hit %v: %v", name, step, got, isHit(t, r), r.Header)
				}
			}
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(name, err)
				}
			}
			want("first", "1", false)
			want("second", "1", true)
			must(purge(s, true))
			want("purged softly", "1", true)
			until(t, "made anew", func() bool { return body(t, s.get(url)) == "2" })
			s.wantRuns(2)
			want("anew", "2", true)
			must(purge(s, false))
			must(purge(s, true))
			want("purged for good and softly", "3", false)
			must(purge(s, true))
			must(purge(s, false))
			want("purged softly and for good", "4", false)
		}
	})
}

func pick[F any](first bool, a, b F) F {
	if first {
		return a
	}
	return b
}

func one(first bool, a, b func(context.Context, string) error) func(context.Context, string) error {
	return pick(first, a, b)
}

// RFC 9111, section 5.2.2.2: what must not be served stale is not after a soft
// purge.
func TestPurgeSoftMustRevalidate(t *testing.T) {
	t.Parallel()
	bothStores(t, func(t *testing.T, newSite func(http.HandlerFunc) *site) {
		s := newSite(numbered("Cache-Control", "max-age=60, must-revalidate"))
		s.get("http://a.test/")
		if err := s.pages.PurgeAllSoft(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := s.get("http://a.test/"); body(t, r) != "2" {
			t.Fatalf("served stale: %v", r.Header)
		}
	})
}

// After a soft purge the handler may say that the page is still right.
func TestPurgeSoftAndNotModified(t *testing.T) {
	t.Parallel()
	bothStores(t, func(t *testing.T, newSite func(http.HandlerFunc) *site) {
		s := newSite(func(w http.ResponseWriter, r *http.Request) {
			cache.Tag(r.Context(), "a")
			w.Header().Set("ETag", `"v"`)
			w.Header().Set("Cache-Control", "max-age=60, must-revalidate")
			if r.Header.Get("If-None-Match") == `"v"` {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = fmt.Fprint(w, "x")
		})
		s.get("http://a.test/")
		if err := s.pages.PurgeSoft(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if r := s.get("http://a.test/"); body(t, r) != "x" || isHit(t, r) != (i == 1) {
				t.Fatalf("request %d after the purge: %v", i+1, r.Header)
			}
		}
		s.wantRuns(2)
	})
}

func TestPurgePrefix(t *testing.T) {
	t.Parallel()
	urls := []string{
		"http://a.test/", "http://a.test/quotes", "http://a.test/quotes?page=2", "http://a.test/quotes/", "http://a.test/quotes/7",
		"http://a.test/quotes/7/edit?x=1", "http://a.test/quotes-of-today", "http://b.test/quotes/7", "http://a.test/1/2/3/4/5/6/7/8/9/10",
	}
	bothStores(t, func(t *testing.T, newSite func(http.HandlerFunc) *site) {
		for prefix, falls := range map[string]string{
			"http://a.test/quotes":          "011111000",
			"http://A.test:80/quotes/":      "011111000",
			"http://a.test/quotes/7":        "000011000",
			"http://a.test/quotes/7/edit":   "000001000",
			"http://a.test":                 "111111101",
			"http://b.test/":                "000000010",
			"http://a.test/1/2/3/4/5/6/7/8": "000000001",
			"http://a.test/quo":             "000000000",
		} {
			s := newSite(page("x"))
			for _, u := range urls {
				s.get(u)
				s.get(u)
				if !isHit(t, s.get(u)) {
					t.Fatalf("%s is not kept", u)
				}
			}
			if err := s.pages.PurgePrefix(t.Context(), prefix); err != nil {
				t.Fatal(err)
			}
			for i, u := range urls {
				if hit := isHit(t, s.get(u)); hit != (falls[i] == '0') {
					t.Errorf("prefix %s: %s is a hit: %v", prefix, u, hit)
				}
			}
		}
		s := newSite(page("x"))
		var bad *pagecache.URLError
		for _, u := range []string{"", "/quotes", "http://a.test/?x=1", "ftp://a.test/", "http://a.test/1/2/3/4/5/6/7/8/9"} {
			if err := s.pages.PurgePrefix(t.Context(), u); !errors.As(err, &bad) {
				t.Errorf("PurgePrefix(%q): %v", u, err)
			}
		}
		if err := s.pages.PurgePrefixSoft(t.Context(), "http://a.test/1/2/3/4/5/6/7/8/9"); err == nil || !strings.Contains(err.Error(), "eight") {
			t.Errorf("a prefix that is too deep: %v", err)
		}
	})
}
