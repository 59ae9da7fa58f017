package pagecache_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

// reader has values, as a session has.
type reader map[string]string

func (r reader) Variant(_ context.Context, name string) (cache.Pair, error) {
	v, ok := r[name]
	return cache.Pair{Name: name, Value: v, Absent: !ok}, nil
}

// read is what a session does when a declared key is read.
func (r reader) read(ctx context.Context, name string) string {
	p, _ := r.Variant(ctx, name)
	cache.ScopeOf(ctx).Vary(p)
	return p.Value
}

func (s *site) as(values reader, url string, header ...string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	if values != nil {
		r = r.WithContext(context.WithValue(r.Context(), cache.VariantsKey{}, values))
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	return w.Result()
}

// greet reads the locale, and for one locale the role as well.
func greet(w http.ResponseWriter, r *http.Request) {
	values, _ := r.Context().Value(cache.VariantsKey{}).(reader)
	text := values.read(r.Context(), "locale")
	if text == "de" {
		text += values.read(r.Context(), "role")
	}
	page("<p>"+text+r.Header.Get("X-Mode"))(w, r)
}

func TestVariantsByValue(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(*testing.T) *site{
		"memory": func(t *testing.T) *site { return newSite(t, greet, nil) },
		"shared": func(t *testing.T) *site {
			s, _ := sharedSite(t)
			s.h = s.pages.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s.runs.Add(1)
				greet(w, r)
			}))
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := build(t)
			readers := []struct {
				values reader
				text   string
			}{
				{reader{"locale": "en"}, "en"}, {reader{"locale": "fr"}, "fr"}, {reader{}, ""}, {reader{"locale": ""}, ""},
				{reader{"locale": "de", "role": "admin"}, "deadmin"}, {reader{"locale": "de"}, "de"}, {reader{"locale": "en", "role": "admin"}, "en"},
			}
			for range 3 {
				for _, r := range readers {
					if got := body(t, s.as(r.values, "http://a.test/")); got != "<p>"+r.text {
						t.Fatalf("%v got %q", r.values, got)
					}
				}
			}
			s.wantRuns(6) // the last reader has the page of the first
			if r := s.get("http://a.test/"); isHit(t, r) {
				t.Fatalf("a reader of whom nobody can tell the values got a variant: %v", r.Header)
			}
		})
	}
}

// Values and request headers together, and a purge of all of them.
func TestVariantsByValueAndVary(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "X-Mode")
		if r.Header.Get("X-Mode") == "plain" {
			page("<p>plain")(w, r)
			return
		}
		greet(w, r)
	}, nil)
	ask := func(want string, hit bool) {
		t.Helper()
		for _, mode := range []string{"plain", "a", "b"} {
			for _, locale := range []string{"en", "fr"} {
				text := "<p>" + locale + mode
				if mode == "plain" {
					text = "<p>plain"
				}
				r := s.as(reader{"locale": locale}, "http://a.test/", "X-Mode", mode)
				if got := body(t, r); got != text || hit && !isHit(t, r) {
					t.Fatalf("%s: %s, %s: %q %v", want, mode, locale, got, r.Header)
				}
			}
		}
	}
	ask("first", false)
	ask("second", false) // the first plain page was alone under the URL
	ask("third", true)
	if err := s.pages.PurgeURL(t.Context(), "http://a.test/"); err != nil {
		t.Fatal(err)
	}
	if r := s.as(reader{"locale": "fr"}, "http://a.test/", "X-Mode", "a"); isHit(t, r) {
		t.Fatal("a variant survived the purge of its URL")
	}
}

// Those who wait for another's answer get it only if it is for their values.
func TestCoalescingByValue(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		greet(w, r)
	}, nil)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			locale := fmt.Sprint("l", i%4)
			if got := body(t, s.as(reader{"locale": locale}, "http://a.test/")); got != "<p>"+locale {
				t.Errorf("%s got %q", locale, got)
			}
		})
	}
	close(release)
	wg.Wait()
}

// Too many sets of names end in runs of the handler, not in wrong pages.
func TestValueSetsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		values := r.Context().Value(cache.VariantsKey{}).(reader)
		page("<p>"+values.read(r.Context(), r.Header.Get("X-Name")))(w, r)
	}, func(c *pagecache.Config) { c.MaxVariants = 100 })
	for range 2 {
		for i := range 12 {
			name := fmt.Sprint("n", i)
			if got := body(t, s.as(reader{name: name}, "http://a.test/", "X-Name", name)); got != "<p>"+name {
				t.Fatalf("%s got %q", name, got)
			}
		}
	}
}
