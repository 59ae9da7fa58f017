package pagecache_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/pagecache"
)

// A page that cannot be made anew is not tried again for every visitor, however
// the handler fails.
func TestFailingRefreshIsOneRun(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]http.HandlerFunc{
		"status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"panic":  func(http.ResponseWriter, *http.Request) { panic("broken") },
		"breaks off": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		for stands, control := range map[string]string{"": "", " and the stale page stands in": ", stale-if-error=600"} {
			t.Run(name+stands, func(t *testing.T) {
				t.Parallel()
				var broken atomic.Bool
				handler := numbered("Cache-Control", "max-age=60, stale-while-revalidate=600"+control)
				s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
					if broken.Load() {
						fails(w, r)
						return
					}
					handler(w, r)
				}, nil)
				s.get("http://a.test/")
				broken.Store(true)
				s.clock.Store(int64(90 * time.Second))
				until(t, "tried", func() bool { return body(t, s.get("http://a.test/")) == "1" && s.runs.Load() > 1 })
				for range 2000 {
					if got := body(t, s.get("http://a.test/")); got != "1" {
						t.Fatalf("got %q", got)
					}
				}
				s.wantRuns(2)
			})
		}
	}
}

// An answer of another server that breaks off looks complete to a handler with no
// server around it: httputil.ReverseProxy then hides the error.
func TestBehindThePagesAProxy(t *testing.T) {
	t.Parallel()
	var half atomic.Bool
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60, stale-while-revalidate=600")
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush() // chunked: the length tells nothing
		if half.Load() {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, " and half")
	}))
	t.Cleanup(origin.Close)
	u, err := url.Parse(origin.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, (&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}).ServeHTTP, nil)
	s.get("http://a.test/")
	half.Store(true)
	s.clock.Store(int64(90 * time.Second))
	s.get("http://a.test/")
	until(t, "tried", func() bool { return s.runs.Load() == 2 })
	progress, err := s.pages.Warm(t.Context(), pagecache.WarmConfig{Server: s.h, URLs: []string{"http://a.test/warm"}})
	if err != nil || progress.Failed != 1 {
		t.Errorf("warm-up: %+v, %v", progress, err)
	}
	half.Store(false)
	for _, u := range []string{"http://a.test/", "http://a.test/warm"} {
		if got := body(t, s.get(u)); got != "half and half" {
			t.Errorf("%s: %q", u, got)
		}
	}
}
