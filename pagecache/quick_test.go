package pagecache_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/echoic-go/echoic/pagecache"
)

// Whatever came before, an answer is the one for the request's own fields, cookies
// and URL, whether it takes the short way or the long one.
func TestShortWayTellsRequestsApart(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]pagecache.Option{
		"answer": nil,
		"route":  {pagecache.VaryOn("X-Kind")},
		"cookie": {pagecache.VaryOnCookie("theme"), pagecache.VaryOn("X-Kind")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			says := func(r *http.Request) string {
				theme := ""
				if c, err := r.Cookie("theme"); err == nil && name == "cookie" {
					theme = c.Value
				}
				return fmt.Sprintf("%s %q %q %q", r.URL.RequestURI(), r.Header["X-Kind"], r.Header["X-More"], theme)
			}
			hits := 0
			s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Vary", "X-Kind, X-More")
				w.Header().Set("Content-Type", "text/plain")
				_, _ = io.WriteString(w, says(r))
			}, func(cfg *pagecache.Config) { cfg.MaxVariants = 1000 }, opts...)
			values := [][]string{nil, {""}, {"a"}, {"b"}, {"a", "b"}, {"a, b"}, {"a", ""}, {"\n"}}
			rng := rand.New(rand.NewPCG(1, 2))
			for range 4000 {
				r := httptest.NewRequest(http.MethodGet, fmt.Sprint("http://a.test/?p=", rng.IntN(2)), nil)
				for _, field := range []string{"X-Kind", "X-More"} {
					if v := values[rng.IntN(len(values))]; v != nil {
						r.Header[field] = v
					}
				}
				if v := rng.IntN(3); v > 0 {
					r.Header.Set("Cookie", fmt.Sprintf("other=%d; theme=%d", rng.IntN(2), v))
				}
				w := httptest.NewRecorder()
				s.h.ServeHTTP(w, r)
				if isHit(t, w.Result()) {
					hits++
				}
				if got := w.Body.String(); got != says(r) {
					t.Fatalf("asked %s\ngot   %s", says(r), got)
				}
			}
			if hits < 2000 {
				t.Errorf("only %d of 4000 were hits", hits)
			}
		})
	}
}

// Everything unusual goes the long way.
func TestShortWayIsForPlainRequestsOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), nil)
	route := s.pages.Route(0)
	next := func(w http.ResponseWriter, r *http.Request) error { page("x")(w, r); return nil }
	ask := func(edit func(*http.Request)) bool {
		r := httptest.NewRequest(http.MethodGet, "http://a.test/", nil)
		edit(r)
		return s.pages.ServeHit(httptest.NewRecorder(), r, route)
	}
	plain := func(*http.Request) {}
	for range 3 {
		_ = s.pages.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://a.test/", nil), route, next)
	}
	if !ask(plain) {
		t.Fatal("a page that was served before does not go the short way")
	}
	for _, name := range []string{"Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range", "Authorization", "Upgrade", "X-Http-Method-Override"} {
		if ask(func(r *http.Request) { r.Header.Set(name, "x") }) {
			t.Errorf("a request with %s does", name)
		}
	}
	for name, edit := range map[string]func(*http.Request){
		"method": func(r *http.Request) { r.Method = http.MethodPost }, "length": func(r *http.Request) { r.ContentLength = 1 },
		"host": func(r *http.Request) { r.Host = "b.test" }, "path": func(r *http.Request) { r.URL.Path = "/b" },
		"query": func(r *http.Request) { r.URL.RawQuery = "b" },
	} {
		if ask(edit) {
			t.Errorf("a request with another %s does", name)
		}
	}
	if err := s.pages.PurgeURLSoft(t.Context(), "http://a.test/"); err != nil {
		t.Fatal(err)
	}
	if ask(plain) {
		t.Error("a page that was purged softly does")
	}
}
