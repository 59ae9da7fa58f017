package pagecache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
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

func TestNeverStored(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler http.HandlerFunc
		header  []string // of the request
	}{
		"Set-Cookie":            {handler: withHeader("Set-Cookie", "a=b")},
		"no-store":              {handler: withHeader("Cache-Control", "no-store")},
		"NO-STORE in a list":    {handler: withHeader("Cache-Control", "max-age=60, NO-STORE")},
		"private":               {handler: withHeader("Cache-Control", "private")},
		"qualified private":     {handler: withHeader("Cache-Control", `PRIVATE="set-cookie", max-age=60`)},
		"private for CDNs":      {handler: withHeader("CDN-Cache-Control", "private")},
		"no-cache":              {handler: withHeader("Cache-Control", "no-cache")},
		"max-age=0":             {handler: withHeader("Cache-Control", "max-age=0")},
		"bad max-age":           {handler: withHeader("Cache-Control", "max-age=x")},
		"two max-ages":          {handler: withHeader("Cache-Control", "max-age=60, max-age=0")},
		"Expires in the past":   {handler: withHeader("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")},
		"Expires 0":             {handler: withHeader("Expires", "0")},
		"Age beyond max-age":    {handler: withHeader("Cache-Control", "max-age=10", "Age", "11")},
		"Pragma":                {handler: withHeader("Pragma", "no-cache")},
		"Vary: *":               {handler: withHeader("Vary", "*")},
		"Vary: *, X":            {handler: withHeader("Vary", "Accept, *")},
		"Vary: Cookie":          {handler: withHeader("Vary", "Cookie")},
		"event stream":          {handler: withHeader("Content-Type", "text/event-stream")},
		"CRLF in a header":      {handler: withHeader("X-Evil", "a\r\nSet-Cookie: b=c")},
		"coding without Vary":   {handler: withHeader("Content-Encoding", "gzip")},
		"length mismatch":       {handler: withHeader("Content-Length", "1000")},
		"CSP nonce in the body": {handler: withHeader("Content-Security-Policy", "script-src 'nonce-body'")},
		"206":                   {handler: withStatus(206)},
		"304":                   {handler: withStatus(304)},
		"404 without a word":    {handler: withStatus(404)},
		"500":                   {handler: withStatus(500)},
		"429":                   {handler: withStatus(429)},
		"empty html":            {handler: withHeader("Content-Type", "text/html", "Empty", "yes")},
		"redirect to itself": {handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "max-age=60")
			http.Redirect(w, r, "/x", http.StatusMovedPermanently)
		}},
		"flushed":          {handler: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a"); w.(http.Flusher).Flush() }},
		"too long":         {handler: page(strings.Repeat("x", 2<<20))},
		"Authorization":    {handler: page("body"), header: []string{"Authorization", "Basic x"}},
		"request no-store": {handler: page("body"), header: []string{"Cache-Control", "no-store"}},
		"a part":           {handler: withStatus(206), header: []string{"Range", "bytes=0-1"}},
		"method override":  {handler: page("body"), header: []string{"X-HTTP-Method-Override", "DELETE"}},
		"Upgrade":          {handler: page("body"), header: []string{"Upgrade", "websocket"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.handler, nil)
			for range 2 {
				if r := s.get("http://a.test/x", tt.header...); isHit(t, r) {
					t.Fatal("served from the cache")
				}
			}
			s.wantRuns(2)
			if stats := s.cache.Stats(); stats.Sets != 0 {
				t.Fatalf("%d records were stored", stats.Sets)
			}
		})
	}
}

func withHeader(pairs ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(pairs); i += 2 {
			w.Header().Set(pairs[i], pairs[i+1])
		}
		if w.Header().Get("Empty") == "" {
			_, _ = io.WriteString(w, "body")
		}
	}
}

func withStatus(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		if status != 304 {
			_, _ = io.WriteString(w, "body")
		}
	}
}

func TestStored(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler http.HandlerFunc
		header  []string
	}{
		"plain":                        {handler: page("x")},
		"explicit max-age":             {handler: withHeader("Cache-Control", "max-age=60")},
		"s-maxage over max-age=0":      {handler: withHeader("Cache-Control", "max-age=0, s-maxage=60")},
		"CDN over own":                 {handler: withHeader("Cache-Control", "max-age=0", "CDN-Cache-Control", "max-age=60")},
		"404 with a word":              {handler: withHeaderStatus(404, "Cache-Control", "max-age=60")},
		"301 with a word":              {handler: withHeaderStatus(301, "Cache-Control", "max-age=60", "Location", "/y")},
		"Authorization made public":    {handler: withHeader("Cache-Control", "public, max-age=60"), header: []string{"Authorization", "Basic x"}},
		"App ignores request no-cache": {handler: page("x"), header: []string{"Cache-Control", "no-cache", "Pragma", "no-cache"}},
		"CSP nonce not in the body":    {handler: withHeader("Content-Security-Policy", "script-src 'nonce-zzz'")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.handler, nil)
			s.get("http://a.test/x", tt.header...)
			r := s.get("http://a.test/x", tt.header...)
			if !isHit(t, r) {
				t.Fatalf("not served from the cache: %v", r.Header)
			}
			s.wantRuns(1)
		})
	}
}

func withHeaderStatus(status int, pairs ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(pairs); i += 2 {
			w.Header().Set(pairs[i], pairs[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "body")
	}
}

func TestKeySeparates(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Host, r.URL.Path, "?", r.URL.RawQuery)
	}, nil)
	same := [][]string{
		{"http://a.test/x", "http://A.TEST:80/x", "http://a.test/x?utm_source=m", "http://a.test/x?gclid=1"},
		{"http://a.test/x?a=1&b=2", "http://a.test/x?b=2&a=1", "http://a.test/x?b=2&utm_campaign=z&a=1"},
		{"http://a.test/x?a=1&a=2"}, {"http://a.test/x?a=2&a=1"}, // the order of values counts
		{"http://b.test/x"}, {"http://a.test:8080/x"}, {"https://a.test/x"}, {"http://a.test/X"}, {"http://a.test/x/"}, {"http://a.test/x?a"}, {"http://a.test/x?a="},
	}
	for i, urls := range same {
		for _, u := range urls {
			s.get(u)
		}
		s.wantRuns(int64(i + 1))
	}
}

func TestIgnoredQueryIsHidden(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "q=", r.URL.RawQuery, " f=", r.FormValue("utm_source"))
	}, nil)
	if got := body(t, s.get("http://a.test/?utm_source=evil&b=1&a=2")); got != "q=b=1&a=2 f=" {
		t.Fatalf("the handler saw %q: what is not in the key must not reach it", got)
	}
}

func TestUndeclaredCookiesAndForwardingAreHidden(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Header["Cookie"], r.Header["X-Forwarded-Host"], r.Header["X-Original-Url"])
	}, func(c *pagecache.Config) { c.SessionCookies = []string{"session"} }, pagecache.VaryOnCookie("theme"))
	got := body(t, s.get("http://a.test/", "Cookie", "theme=dark; track=1; session=s", "X-Forwarded-Host", "evil.test", "X-Original-URL", "/admin"))
	if got != "[theme=dark; session=s] [] []" {
		t.Fatalf("the handler saw %q", got)
	}
}

func TestVaryOnCookieValues(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Header["Cookie"]) }, nil, pagecache.VaryOnCookie("a", "b"))
	// The last two must not be one key: values are framed by their number.
	for i, c := range []string{"", "a=1", "a=2", "b=1", "a=1; b=1", "a=1; a=b; a=absent", "a=1; a=cookie; a=b; a=absent"} {
		header := []string{}
		if c != "" {
			header = []string{"Cookie", c}
		}
		s.get("http://a.test/", header...)
		if r := s.get("http://a.test/", header...); !isHit(t, r) {
			t.Fatalf("%q: not a hit", c)
		}
		s.wantRuns(int64(i + 1))
	}
}

func TestVary(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept-Language")
		w.Header().Add("Vary", "X-Mode")
		_, _ = fmt.Fprint(w, r.Header["Accept-Language"], r.Header["X-Mode"])
	}, nil)
	tests := []struct {
		header []string
		runs   int64
	}{
		{nil, 1}, {nil, 1},
		{[]string{"Accept-Language", "de"}, 2}, {[]string{"Accept-Language", "DE"}, 2}, {[]string{"Accept-Language", " de ;q=1.0"}, 2},
		{[]string{"Accept-Language", "de, en;q=0.5"}, 3}, {[]string{"Accept-Language", "en;q=0.5,de"}, 3},
		{[]string{"X-Mode", ""}, 4}, // empty is not absent
		{[]string{"X-Mode", "a", "X-Mode", "b"}, 5},
		{[]string{"X-Mode", "a, b"}, 6},
		{nil, 6},
	}
	for _, tt := range tests {
		s.get("http://a.test/", tt.header...)
		s.wantRuns(tt.runs)
	}
}

func TestVariantsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "X-V")
		_, _ = fmt.Fprint(w, r.Header.Get("X-V"))
	}, func(c *pagecache.Config) { c.MaxVariants = 3 })
	for i := range 10 {
		s.get("http://a.test/", "X-V", fmt.Sprint(i))
	}
	for i := range 10 {
		r := s.get("http://a.test/", "X-V", fmt.Sprint(i))
		if got := body(t, r); got != fmt.Sprint(i) {
			t.Fatalf("variant %d got %q", i, got)
		}
		if isHit(t, r) != (i < 3) {
			t.Fatalf("variant %d: hit is %v with room for 3", i, isHit(t, r))
		}
	}
}

func TestConditional(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["If-None-Match"]) > 0 {
			t.Error("the handler saw the condition")
		}
		page("x")(w, r)
	}, nil)
	tag := s.get("http://a.test/").Header.Get("Etag")
	for _, match := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		r := s.get("http://a.test/", "If-None-Match", match)
		if r.StatusCode != 304 || r.Header.Get("Content-Length") != "" || r.Header.Get("Etag") != tag || body(t, r) != "" {
			t.Fatalf("If-None-Match: %s: %d %v", match, r.StatusCode, r.Header)
		}
	}
	for _, match := range []string{`"other"`, strings.Trim(tag, `"`), `"`, ""} {
		if r := s.get("http://a.test/", "If-None-Match", match); r.StatusCode != 200 {
			t.Fatalf("If-None-Match: %s: %d", match, r.StatusCode)
		}
	}
	s.wantRuns(1)
	// Also the answer to a miss is judged, and kept in full.
	if r := s.get("http://b.test/", "If-None-Match", tag); r.StatusCode != 304 {
		t.Fatalf("miss with a condition: %d", r.StatusCode)
	}
	if r := s.get("http://b.test/"); !isHit(t, r) || body(t, r) != "x" {
		t.Fatal("the answer to the miss was not kept in full")
	}
}

func TestIfModifiedSince(t *testing.T) {
	t.Parallel()
	s := newSite(t, withHeader("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT"), nil)
	s.get("http://a.test/")
	for since, status := range map[string]int{"Mon, 02 Jan 2006 15:04:05 GMT": 304, "Tue, 03 Jan 2006 15:04:05 GMT": 304, "Sun, 01 Jan 2006 15:04:05 GMT": 200, "nonsense": 200} {
		if r := s.get("http://a.test/", "If-Modified-Since", since); r.StatusCode != status {
			t.Errorf("If-Modified-Since: %s: %d, want %d", since, r.StatusCode, status)
		}
	}
	// If-None-Match counts alone where it is there (RFC 9110, 13.1.3).
	if r := s.get("http://a.test/", "If-None-Match", `"x"`, "If-Modified-Since", "Tue, 03 Jan 2006 15:04:05 GMT"); r.StatusCode != 200 {
		t.Fatal("If-Modified-Since was judged beside If-None-Match")
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("hello"), nil)
	s.do("HEAD", "http://a.test/")
	s.get("http://a.test/")
	s.wantRuns(2) // HEAD created nothing
	r := s.do("HEAD", "http://a.test/")
	s.wantRuns(2)
	if !isHit(t, r) || r.Header.Get("Content-Length") != "5" || body(t, r) != "" {
		t.Fatalf("HEAD from a GET entry: %v", r.Header)
	}
}

func TestUnsafeMethodInvalidates(t *testing.T) {
	t.Parallel()
	status := http.StatusSeeOther
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(status)
			return
		}
		page("x")(w, r)
	}, nil)
	s.get("http://a.test/x")
	status = 400
	s.do("POST", "http://a.test/x")
	if !isHit(t, s.get("http://a.test/x")) {
		t.Fatal("a POST that failed invalidated the page")
	}
	status = 303
	s.do("POST", "http://a.test/x")
	if isHit(t, s.get("http://a.test/x")) {
		t.Fatal("the page survived a successful POST to its URL")
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "quote:"+r.URL.Query().Get("id"))
		w.Header().Set("Vary", "X-V")
		page("x")(w, r)
	}, nil)
	urls := []string{"http://a.test/?id=1", "http://a.test/?id=2"}
	fill := func() {
		for _, u := range urls {
			s.get(u)
			s.get(u, "X-V", "1")
		}
		s.runs.Store(0)
	}
	fill()
	if err := s.pages.Purge(t.Context(), "quote:1"); err != nil {
		t.Fatal(err)
	}
	if isHit(t, s.get(urls[0])) || isHit(t, s.get(urls[0], "X-V", "1")) {
		t.Fatal("a purged page was served")
	}
	if !isHit(t, s.get(urls[1])) || !isHit(t, s.get(urls[1], "X-V", "1")) {
		t.Fatal("another page was purged, too")
	}
	fill()
	if err := s.pages.PurgeURL(t.Context(), "HTTP://A.test:80/?id=2"); err != nil {
		t.Fatal(err)
	}
	if isHit(t, s.get(urls[1])) || isHit(t, s.get(urls[1], "X-V", "1")) || !isHit(t, s.get(urls[0])) {
		t.Fatal("PurgeURL purges all variants of the URL and nothing else")
	}
	var bad *pagecache.URLError
	for _, u := range []string{"", "/x", "a.test/x", "ftp://a.test/", "http://u:secret@%zz/"} {
		if err := s.pages.PurgeURL(t.Context(), u); !errors.As(err, &bad) || strings.Contains(err.Error(), "secret") {
			t.Errorf("PurgeURL(%q): %v", u, err)
		}
	}
}

func TestPurgeDuringFill(t *testing.T) {
	t.Parallel()
	begun, purged := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() {
			close(begun)
			<-purged
		})
		cache.Tag(r.Context(), "a") // learned after the data was read
		page("old")(w, r)
	}, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.get("http://a.test/")
	}()
	<-begun
	if err := s.pages.Purge(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	close(purged)
	<-done
	if isHit(t, s.get("http://a.test/")) {
		t.Fatal("a fill that began before the purge was stored after it")
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

func TestCoalescing(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		page("x")(w, r)
	}, nil)
	var wg sync.WaitGroup
	var started sync.WaitGroup
	for range 100 {
		started.Add(1)
		wg.Go(func() {
			started.Done()
			if got := body(t, s.get("http://a.test/")); got != "x" {
				t.Errorf("got %q", got)
			}
		})
	}
	started.Wait()
	close(release)
	wg.Wait()
	s.wantRuns(1)
}

// Concurrent visitors of a private page never get each other's and do not wait
// for each other twice.
func TestCoalescingPrivate(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		cache.Private(r.Context(), "test")
		_, _ = io.WriteString(w, r.Header.Get("X-User"))
	}, nil)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			user := fmt.Sprint(i)
			if got := body(t, s.get("http://a.test/", "X-User", user)); got != user {
				t.Errorf("user %s got the page of %s", user, got)
			}
		})
	}
	wg.Wait()
	s.wantRuns(50)
}

// Waiters whose variant was not known when they began to wait check again.
func TestCoalescingVariants(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "X-V")
		_, _ = io.WriteString(w, r.Header.Get("X-V"))
	}, nil)
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			v := fmt.Sprint(i % 3)
			if got := body(t, s.get("http://a.test/", "X-V", v)); got != v {
				t.Errorf("variant %s got %s", v, got)
			}
		})
	}
	wg.Wait()
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
