package pagecache_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/pagecache"
)

// site is a page cache in front of a handler that counts its runs.
type site struct {
	t     *testing.T
	cache *cache.Cache
	pages *pagecache.Pages
	runs  atomic.Int64
	clock atomic.Int64 // nanoseconds added to the real time
	h     http.Handler
}

func newSite(t *testing.T, handler http.HandlerFunc, edit func(*pagecache.Config), opts ...pagecache.Option) *site {
	t.Helper()
	s := &site{t: t}
	store, err := memory.New(memory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if s.cache, err = cache.New(cache.Config{Store: store, IgnoreErrors: true, Now: s.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cache.Close()
		_ = store.Close()
	})
	cfg := pagecache.Config{Cache: s.cache, TTL: time.Minute, Development: true, Now: s.now}
	if edit != nil {
		edit(&cfg)
	}
	if s.pages, err = pagecache.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.pages.Close() })
	s.h = s.pages.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.runs.Add(1)
		handler(w, r)
	}), opts...)
	return s
}

func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.clock.Load())) }

func (s *site) do(method, url string, header ...string) *http.Response {
	s.t.Helper()
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	return w.Result()
}

func (s *site) get(url string, header ...string) *http.Response {
	return s.do(http.MethodGet, url, header...)
}

func (s *site) wantRuns(n int64) {
	s.t.Helper()
	if got := s.runs.Load(); got != n {
		s.t.Fatalf("handler ran %d times, want %d", got, n)
	}
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func isHit(t *testing.T, r *http.Response) bool {
	t.Helper()
	list, err := httpsfv.UnmarshalList(r.Header.Values("Cache-Status"))
	if err != nil || len(list) == 0 {
		t.Fatalf("Cache-Status %q is no structured field: %v", r.Header.Values("Cache-Status"), err)
	}
	item := list[len(list)-1].(httpsfv.Item)
	hit, ok := item.Params.Get("hit")
	return ok && hit == true
}

func page(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, text)
	}
}

func TestSecondRequestIsAHit(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("<p>hello"), nil)
	first, second := s.get("http://a.test/x"), s.get("http://a.test/x")
	s.wantRuns(1)
	if isHit(t, first) || !isHit(t, second) {
		t.Fatalf("Cache-Status: first %q, second %q", first.Header["Cache-Status"], second.Header["Cache-Status"])
	}
	if body(t, first) != body(t, second) {
		t.Fatal("the bodies differ")
	}
	if second.Header.Get("Age") == "" || second.Header.Get("Date") == "" || second.Header.Get("Content-Length") != "8" {
		t.Fatalf("header of a hit: %v", second.Header)
	}
	if first.Header.Get("Etag") == "" || first.Header.Get("Etag") != second.Header.Get("Etag") {
		t.Fatalf("validators %q and %q", first.Header.Get("Etag"), second.Header.Get("Etag"))
	}
	if got := second.Header.Get("Cache-Control"); got != "no-cache" {
		t.Fatalf("Cache-Control on the wire is %q: browsers must ask again, so that purges reach them", got)
	}
}

func TestAgeAndExpiry(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), nil)
	s.get("http://a.test/")
	s.clock.Store(int64(30 * time.Second))
	if got := s.get("http://a.test/").Header.Get("Age"); got != "30" {
		t.Fatalf("Age is %q after 30 s", got)
	}
}

type session struct{ reads atomic.Uint64 }

func (s *session) Reads() uint64  { return s.reads.Load() }
func (s *session) Reason() string { return "session" }

func TestSessionMakesPrivate(t *testing.T) {
	t.Parallel()
	inner := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/private" {
			r.Context().Value(cache.SourceKey{}).(*session).reads.Add(1)
		}
		page("x")(w, r)
	}, nil)
	for path, hit := range map[string]bool{"/private": false, "/public": true} {
		for i := range 2 {
			r := httptest.NewRequest("GET", "http://a.test"+path, nil)
			r = r.WithContext(context.WithValue(r.Context(), cache.SourceKey{}, &session{}))
			w := httptest.NewRecorder()
			inner.h.ServeHTTP(w, r)
			if got := isHit(t, w.Result()); got != (hit && i == 1) {
				t.Errorf("%s, request %d: hit is %v", path, i, got)
			}
		}
	}
	// Used before the cache was asked: what middleware learned may be in the page.
	used := &session{}
	used.reads.Add(1)
	r := httptest.NewRequest("GET", "http://a.test/public", nil)
	w := httptest.NewRecorder()
	inner.h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), cache.SourceKey{}, used)))
	if isHit(t, w.Result()) {
		t.Fatal("a visitor whose session was used already got the shared page")
	}
}

func TestCookieAddedOutside(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), nil)
	for range 2 {
		w := &lateCookie{ResponseRecorder: httptest.NewRecorder()}
		s.h.ServeHTTP(w, httptest.NewRequest("GET", "http://a.test/", nil))
		if isHit(t, w.Result()) {
			t.Fatal("a page was kept although a cookie was set when its header went out")
		}
	}
}

// lateCookie adds a cookie when the header is written, as session middleware
// outside the cache does.
type lateCookie struct{ *httptest.ResponseRecorder }

func (w *lateCookie) WriteHeader(status int) {
	w.Header().Add("Set-Cookie", "session=x")
	w.ResponseRecorder.WriteHeader(status)
}

func TestOddRequestsBypass(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), nil)
	for _, target := range []string{"/a//b", "/a/../b", "/a/./b", "/a%2fb", "/a%5cb", "/a%00b", "/a%0ab", "/a%2e%2e/b", "/a%3fb", "/a%23b", "/a%3bb", "/?a=1;b=2", "/?a=%zz", "/?" + strings.Repeat("a&", 200), "/?" + strings.Repeat("x", 5000)} {
		r := &http.Request{Method: "GET", Host: "a.test", Header: http.Header{}, Body: http.NoBody, Proto: "HTTP/1.1"}
		var err error
		if r.URL, err = url.Parse("http://a.test" + target); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			w := httptest.NewRecorder()
			s.h.ServeHTTP(w, r)
			if isHit(t, w.Result()) {
				t.Errorf("%.40s: served from the cache", target)
			}
		}
	}
	if s.cache.Stats().Sets != 0 {
		t.Error("something was stored")
	}
	withBody := httptest.NewRequest("GET", "http://a.test/", strings.NewReader("{}"))
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, withBody)
	if s.cache.Stats().Sets != 0 {
		t.Error("the answer to a GET with a body was stored")
	}
}

func TestReplayDropsPerResponseHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, withHeader("X-Request-Id", "1", "Traceparent", "x", "Retry-After", "1", "Ratelimit", "x", "Connection", "X-Hop", "X-Hop", "1", "X-Keep", "yes"), nil)
	s.get("http://a.test/")
	h := s.get("http://a.test/").Header
	for _, name := range []string{"X-Request-Id", "Traceparent", "Retry-After", "Ratelimit", "Connection", "X-Hop"} {
		if h.Get(name) != "" {
			t.Errorf("%s was replayed", name)
		}
	}
	if h.Get("X-Keep") != "yes" {
		t.Error("X-Keep was lost")
	}
}

func TestPanicAndAbort(t *testing.T) {
	t.Parallel()
	fail := true
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "half")
		if fail {
			panic("boom")
		}
	}, nil)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		s.get("http://a.test/")
	}()
	fail = false
	if r := s.get("http://a.test/"); isHit(t, r) || body(t, r) != "half" {
		t.Fatal("half an answer was stored")
	}
}

func TestHostsAndDevelopment(t *testing.T) {
	t.Parallel()
	s := newSite(t, withHeader("Set-Cookie", "a=b"), func(c *pagecache.Config) {
		c.Hosts, c.Development = []string{"good.test"}, false
	})
	r := s.get("http://evil.test/")
	if got := r.Header.Get("Cache-Status"); got != "Echoic; fwd=bypass" {
		t.Fatalf("Cache-Status %q for another host", got)
	}
	if got := s.get("http://good.test/").Header.Get("Cache-Status"); strings.Contains(got, "detail") {
		t.Fatalf("Cache-Status %q tells reasons in production", got)
	}
}

func TestServerTiming(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), func(c *pagecache.Config) { c.ServerTiming, c.StoreName = true, "memory" })
	if got := s.get("http://a.test/").Header.Get("Server-Timing"); !strings.HasPrefix(got, "cache;desc=miss, age;dur=0, render;dur=") || !strings.HasSuffix(got, "store;desc=memory") {
		t.Fatalf("Server-Timing of a miss: %q", got)
	}
	if got := s.get("http://a.test/").Header.Get("Server-Timing"); !strings.HasPrefix(got, "cache;desc=hit, age;dur=") {
		t.Fatalf("Server-Timing of a hit: %q", got)
	}
}

func contextWith(r *http.Request, s *session) context.Context {
	return context.WithValue(r.Context(), cache.SourceKey{}, s)
}
