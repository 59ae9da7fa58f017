package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
)

func TestNoCache(t *testing.T) {
	t.Parallel()
	e := newEcho()
	runs := 0
	e.Use(middleware.PageCache(newPages(t, nil)))
	e.GET("/", func(c echo.Context) error {
		runs++
		c.Response().Header().Set("Cache-Control", "public, max-age=60")
		return c.String(200, "x")
	}, middleware.NoCache())
	for range 2 {
		if r := get(e, "http://a.test/"); r.Header.Get("Cache-Control") != "private, no-store" || hit(r) {
			t.Fatalf("%v", r.Header)
		}
	}
	if runs != 2 {
		t.Fatalf("%d runs", runs)
	}
}

func TestCacheControl(t *testing.T) {
	t.Parallel()
	e := newEcho()
	mw := middleware.CacheControl("public", "max-age=60")
	e.GET("/plain", func(c echo.Context) error { return c.String(200, "x") }, mw)
	e.GET("/own", func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-cache")
		return c.String(200, "x")
	}, mw)
	e.GET("/error", func(echo.Context) error { return echo.ErrNotFound }, mw)
	for path, want := range map[string]string{"/plain": "public, max-age=60", "/own": "no-cache", "/error": ""} {
		if got := get(e, "http://a.test"+path).Header.Get("Cache-Control"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	for _, bad := range [][]string{nil, {""}, {"=1"}, {"a b"}, {"max-age=1\r\nX: y"}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q did not panic", bad)
				}
			}()
			middleware.CacheControl(bad...)
		}()
	}
}

func TestVaryOnDecorators(t *testing.T) {
	t.Parallel()
	page := func(c echo.Context) error {
		theme := "none"
		if cookie, err := c.Cookie("theme"); err == nil {
			theme = cookie.Value
		}
		return c.String(200, theme+c.Request().Header.Get("X-Mode"))
	}
	inside, outside := newEcho(), newEcho()
	cached := middleware.CachePage(newPages(t, nil), time.Minute)
	inside.GET("/", page, middleware.VaryOn("X-Mode"), middleware.VaryOnCookie("theme"), cached)
	cached = middleware.CachePage(newPages(t, nil), time.Minute)
	outside.GET("/", page, cached, middleware.VaryOn("X-Mode"))
	for _, tt := range []struct {
		header []string
		want   string
	}{
		{nil, "none"}, {[]string{"X-Mode", "a"}, "nonea"}, {[]string{"X-Mode", "b"}, "noneb"}, {[]string{"Cookie", "theme=dark; id=7"}, "dark"},
	} {
		for i := range 2 {
			r := get(inside, "http://a.test/", tt.header...)
			if got := text(t, r); got != tt.want || hit(r) != (i == 1) || !strings.Contains(strings.Join(r.Header["Vary"], ","), "Cookie") {
				t.Errorf("cache inside, %v, request %d: %q %v", tt.header, i, got, r.Header)
			}
			if tt.want == "dark" {
				continue
			}
			r = get(outside, "http://a.test/", tt.header...)
			if got := text(t, r); got != tt.want || hit(r) != (i == 1) {
				t.Errorf("cache outside, %v, request %d: %q %v", tt.header, i, got, r.Header)
			}
		}
	}
}

// Whatever the order, nobody gets a page that was made for another cookie.
func TestVaryOnCookieInsideACache(t *testing.T) {
	t.Parallel()
	e := newEcho()
	e.GET("/", func(c echo.Context) error {
		cookie, err := c.Cookie("theme")
		if err != nil {
			return c.String(200, "none")
		}
		return c.String(200, cookie.Value)
	}, middleware.CachePage(newPages(t, nil), time.Minute), middleware.VaryOnCookie("theme"))
	for _, theme := range []string{"dark", "light", "dark"} {
		if r := get(e, "http://a.test/", "Cookie", "theme="+theme); hit(r) || text(t, r) != "none" {
			t.Fatalf("%v", r.Header)
		}
	}
}

func TestETag(t *testing.T) {
	t.Parallel()
	e := newEcho()
	e.GET("/", func(c echo.Context) error { return c.String(200, long) }, middleware.ETag())
	e.GET("/own", func(c echo.Context) error {
		c.Response().Header().Set("Etag", `"mine"`)
		return c.String(200, "x")
	}, middleware.ETag())
	e.GET("/bare", func(c echo.Context) error { return c.String(200, "x") }, middleware.Conditional())
	e.GET("/gzip", func(c echo.Context) error { return c.String(200, long) }, echomw.Gzip(), middleware.ETag())
	e.GET("/error", func(echo.Context) error { return echo.ErrTeapot }, middleware.ETag())
	first := get(e, "http://a.test/")
	tag := first.Header.Get("Etag")
	if len(tag) < 10 || text(t, first) != long {
		t.Fatalf("%v", first.Header)
	}
	for _, tt := range []struct {
		path   string
		header []string
		status int
	}{
		{"/", []string{"If-None-Match", tag}, 304}, {"/", []string{"If-None-Match", `"x"`}, 200}, {"/", []string{"If-Match", `"x"`}, 412}, {"/", []string{"If-Match", tag}, 200},
		{"/own", []string{"If-None-Match", `W/"mine"`}, 304}, {"/own", []string{"If-None-Match", tag}, 200},
		{"/bare", []string{"If-None-Match", "*"}, 304}, {"/error", nil, 418},
	} {
		r := get(e, "http://a.test"+tt.path, tt.header...)
		if body := text(t, r); r.StatusCode != tt.status || (tt.status == 304 || tt.status == 412) != (body == "") {
			t.Errorf("%s %v: %d %q", tt.path, tt.header, r.StatusCode, body)
		}
	}
	if r := get(e, "http://a.test/gzip", "Accept-Encoding", "gzip"); !strings.HasPrefix(r.Header.Get("Etag"), "W/") || text(t, r) != long {
		t.Errorf("behind Gzip: %v", r.Header)
	}
	if r := get(e, "http://a.test/bare"); r.Header.Get("Etag") != "" {
		t.Errorf("Conditional made a tag: %v", r.Header)
	}
}

func TestLastModified(t *testing.T) {
	t.Parallel()
	e := newEcho()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	runs := 0
	e.GET("/", func(c echo.Context) error { runs++; return c.String(200, "x") }, middleware.LastModified(func(echo.Context) (time.Time, error) { return at, nil }))
	e.GET("/unknown", func(c echo.Context) error { return c.String(200, "x") }, middleware.LastModified(func(echo.Context) (time.Time, error) { return time.Time{}, nil }))
	e.GET("/error", func(c echo.Context) error { return c.String(200, "x") }, middleware.LastModified(func(echo.Context) (time.Time, error) { return at, echo.ErrNotFound }))
	const text = "Fri, 02 Jan 2026 03:04:05 GMT"
	for _, tt := range []struct {
		header string
		value  string
		status int
		runs   int
	}{
		{"", "", 200, 1}, {"If-Modified-Since", text, 304, 1}, {"If-Modified-Since", "Fri, 02 Jan 2026 03:04:04 GMT", 200, 2},
		{"If-Unmodified-Since", text, 200, 3}, {"If-Unmodified-Since", "Fri, 02 Jan 2026 03:04:04 GMT", 412, 3}, {"If-Modified-Since", "nonsense", 200, 4},
	} {
		r := get(e, "http://a.test/", tt.header, tt.value)
		if r.StatusCode != tt.status || runs != tt.runs || r.Header.Get("Last-Modified") != text {
			t.Errorf("%s: %s: %d after %d runs, %v", tt.header, tt.value, r.StatusCode, runs, r.Header)
		}
	}
	if r := get(e, "http://a.test/unknown"); r.Header.Get("Last-Modified") != "" {
		t.Errorf("%v", r.Header)
	}
	if r := get(e, "http://a.test/error"); r.StatusCode != 404 {
		t.Errorf("%d", r.StatusCode)
	}
}

// Behind an outer page cache decorators only say how a page is to be kept: it is
// stored once.
func TestDecoratorsBehindAnOuterCache(t *testing.T) {
	t.Parallel()
	var decisions []pagecache.Hit
	pages := newPages(t, func(c *pagecache.Config) {
		c.TTL, c.OnHit = time.Hour, func(h pagecache.Hit) { decisions = append(decisions, h) }
	})
	e := newEcho()
	runs := map[string]int{}
	handler := func(c echo.Context) error {
		runs[c.Path()]++
		if c.Request().Header.Get("Cookie") != "" {
			t.Error("a cookie was seen")
		}
		return c.HTML(200, long)
	}
	e.GET("/a", handler, middleware.CachePage(pages, time.Minute, pagecache.WithTags("quotes")), middleware.ETag(), middleware.Conditional())
	e.GET("/b", handler, middleware.CachePage(pages, time.Minute, pagecache.VaryOnCookie("theme")))
	front := pages.Handler(e)
	ask := func(path string) *http.Response {
		r := httptest.NewRequest(http.MethodGet, "http://a.test"+path, nil)
		r.Header.Set("Cookie", "id=7")
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		return w.Result()
	}
	for i := range 3 {
		r := ask("/a")
		body, _ := io.ReadAll(r.Body)
		if hit(r) != (i > 0) || len(r.Header["Cache-Status"]) != 1 || string(body) != long {
			t.Fatalf("request %d: %v", i, r.Header)
		}
		if i > 0 && !strings.Contains(r.Header.Get("Cache-Status"), "ttl=60") && !strings.Contains(r.Header.Get("Cache-Status"), "ttl=59") {
			t.Fatalf("the decorator's time to live does not count: %v", r.Header)
		}
	}
	if len(decisions) != 2 || decisions[0].Status != 200 || decisions[0].Bytes != len(long) || decisions[0].Reason != pagecache.ReasonHit {
		t.Errorf("OnHit: %+v", decisions)
	}
	if err := pages.Purge(t.Context(), "quotes"); err != nil {
		t.Fatal(err)
	}
	if r := ask("/a"); hit(r) {
		t.Fatal("the decorator's tag is not on the page")
	}
	ask("/b")
	if r := ask("/b"); hit(r) || runs["/b"] != 2 {
		t.Fatal("a page that varies by cookies was kept under a key without them")
	}
	if runs["/a"] != 2 {
		t.Errorf("%v", runs)
	}
}
