package middleware_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
)

func newPages(t testing.TB, edit func(*pagecache.Config)) *pagecache.Pages {
	t.Helper()
	store, err := memory.New(memory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := cache.New(cache.Config{Store: store, IgnoreErrors: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		_ = store.Close()
	})
	cfg := pagecache.Config{Cache: c, Development: true}
	if edit != nil {
		edit(&cfg)
	}
	pages, err := pagecache.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func newEcho() *echo.Echo {
	e := echo.New()
	e.HideBanner = true
	e.Logger.SetOutput(io.Discard)
	return e
}

func get(e *echo.Echo, target string, header ...string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Result()
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	var src io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		src = zr
	}
	b, err := io.ReadAll(src)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func hit(r *http.Response) bool { return strings.Contains(r.Header.Get("Cache-Status"), "; hit") }

var long = strings.Repeat("motivation ", 300)

// Every order of the usual middlewares gives the same page from the cache.
func TestCachePageAmongMiddlewares(t *testing.T) {
	t.Parallel()
	usual := func() []echo.MiddlewareFunc {
		return []echo.MiddlewareFunc{
			echomw.Recover(), echomw.RequestID(), echomw.Secure(), echomw.Gzip(),
			echomw.CORSWithConfig(echomw.CORSConfig{AllowOrigins: []string{"https://x.test"}}),
			echomw.BodyDump(func(echo.Context, []byte, []byte) {}),
		}
	}
	for _, inside := range []bool{false, true} {
		for _, coding := range []string{"", "gzip"} {
			e := newEcho()
			pages := newPages(t, nil)
			var runs atomic.Int64
			chain := []echo.MiddlewareFunc{middleware.CachePage(pages, time.Minute)}
			if inside {
				chain = append(chain, usual()...)
			} else {
				chain = append(usual(), chain...)
			}
			e.GET("/", func(c echo.Context) error {
				runs.Add(1)
				return c.HTML(200, long)
			}, chain...)
			var last *http.Response
			ids := map[string]bool{}
			for i := range 3 {
				last = get(e, "http://a.test/", "Accept-Encoding", coding)
				if got := text(t, last); got != long {
					t.Fatalf("inside=%v coding=%q request %d: %d bytes", inside, coding, i, len(got))
				}
				if hit(last) != (i > 0) {
					t.Fatalf("inside=%v coding=%q request %d: Cache-Status %q", inside, coding, i, last.Header["Cache-Status"])
				}
				ids[last.Header.Get("X-Request-Id")] = true
			}
			if runs.Load() != 1 {
				t.Errorf("inside=%v coding=%q: %d runs", inside, coding, runs.Load())
			}
			if !inside && len(ids) != 3 {
				t.Errorf("X-Request-Id was replayed: %v", ids)
			}
			if !inside && coding == "gzip" && !strings.HasPrefix(last.Header.Get("Etag"), "W/") {
				t.Errorf("ETag %q is strong although the bytes were coded behind it", last.Header.Get("Etag"))
			}
		}
	}
}

func TestCachePageErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler echo.HandlerFunc
		status  int
		body    string
	}{
		"error":             {func(echo.Context) error { return echo.NewHTTPError(418, "teapot") }, 418, `{"message":"teapot"}` + "\n"},
		"plain error":       {func(echo.Context) error { return errors.New("x") }, 500, `{"message":"Internal Server Error"}` + "\n"},
		"panic":             {func(echo.Context) error { panic("x") }, 500, `{"message":"Internal Server Error"}` + "\n"},
		"panic after write": {func(c echo.Context) error { _ = c.String(200, "half"); panic("x") }, 500, `{"message":"Internal Server Error"}` + "\n"},
		"error after write": {func(c echo.Context) error { _ = c.String(409, "mine"); return errors.New("x") }, 409, "mine"},
		"nothing":           {func(echo.Context) error { return nil }, 200, ""},
		"no content":        {func(c echo.Context) error { return c.NoContent(204) }, 204, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEcho()
			var runs atomic.Int64
			e.Use(echomw.RecoverWithConfig(echomw.RecoverConfig{DisablePrintStack: true, LogErrorFunc: func(_ echo.Context, err error, _ []byte) error { return err }}))
			e.GET("/", func(c echo.Context) error { runs.Add(1); return tt.handler(c) }, middleware.CachePage(newPages(t, nil), time.Minute))
			for range 2 {
				r := get(e, "http://a.test/")
				if got := text(t, r); r.StatusCode != tt.status || got != tt.body {
					t.Errorf("%d %q, want %d %q", r.StatusCode, got, tt.status, tt.body)
				}
			}
			if runs.Load() != 2 {
				t.Errorf("%d runs: the answer was kept", runs.Load())
			}
		})
	}
}

// Rule 7: what is not in the key is hidden, also from Echo's parsed query.
func TestCachePageHidesIgnoredQuery(t *testing.T) {
	t.Parallel()
	e := newEcho()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			_ = c.QueryParam("utm_source") // parsed before the cache
			_ = c.Request().FormValue("x")
			return next(c)
		}
	})
	e.GET("/", func(c echo.Context) error {
		return c.String(200, "seen:"+c.QueryParam("utm_source")+c.Request().FormValue("utm_source")+c.QueryParam("q"))
	}, middleware.CachePage(newPages(t, nil), time.Minute))
	if got := text(t, get(e, "http://a.test/?utm_source=evil&q=1")); got != "seen:1" {
		t.Fatalf("the handler saw %q", got)
	}
}

// Rule 1: Echo's CSRF sets its cookie outside of the cache.
func TestCachePageWithCSRF(t *testing.T) {
	t.Parallel()
	e := newEcho()
	e.Use(echomw.CSRF())
	e.GET("/", func(c echo.Context) error { return c.String(200, c.Get("csrf").(string)) }, middleware.CachePage(newPages(t, nil), time.Minute))
	if a, b := text(t, get(e, "http://a.test/")), text(t, get(e, "http://a.test/")); a == b {
		t.Fatal("a page with a CSRF token was kept")
	}
}

func TestPageCacheOnWholeEcho(t *testing.T) {
	t.Parallel()
	e := newEcho()
	e.Use(middleware.PageCache(newPages(t, nil)))
	e.GET("/x", func(c echo.Context) error { return c.String(200, "x") })
	e.POST("/x", func(c echo.Context) error { return c.NoContent(204) })
	get(e, "http://a.test/x")
	if !hit(get(e, "http://a.test/x")) {
		t.Fatal("no hit")
	}
	for range 2 {
		if r := get(e, "http://a.test/none"); r.StatusCode != 404 || hit(r) {
			t.Fatalf("unknown page: %d %v", r.StatusCode, r.Header)
		}
	}
	e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "http://a.test/x", nil))
	if hit(get(e, "http://a.test/x")) {
		t.Fatal("the page survived a POST to its URL")
	}
}

func TestCachePageStreams(t *testing.T) {
	t.Parallel()
	e := newEcho()
	first := make(chan struct{})
	e.GET("/stream", func(c echo.Context) error {
		c.Response().WriteHeader(200)
		_, _ = c.Response().Write([]byte("one"))
		c.Response().Flush()
		<-first
		_, err := c.Response().Write([]byte("two"))
		return err
	}, middleware.CachePage(newPages(t, nil), time.Minute))
	srv := httptest.NewServer(e)
	defer srv.Close()
	r, err := http.Get(srv.URL + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	part := make([]byte, 3)
	if _, err := io.ReadFull(r.Body, part); err != nil || string(part) != "one" {
		t.Fatalf("the first part did not come before the second: %q %v", part, err)
	}
	close(first)
	if rest, _ := io.ReadAll(r.Body); string(rest) != "two" {
		t.Fatalf("rest %q", rest)
	}
}

func TestCachePageColdStampede(t *testing.T) {
	t.Parallel()
	e := newEcho()
	var runs atomic.Int64
	e.GET("/", func(c echo.Context) error {
		runs.Add(1)
		return c.String(200, long)
	}, middleware.CachePage(newPages(t, nil), time.Minute))
	srv := httptest.NewServer(e)
	defer srv.Close()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			r, err := http.Get(srv.URL + "/")
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			if got := text(t, r); got != long {
				t.Errorf("%d bytes", len(got))
			}
		})
	}
	wg.Wait()
	if runs.Load() != 1 {
		t.Errorf("100 parallel cold requests ran the handler %d times", runs.Load())
	}
}

func TestCachePageNilPagesPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if s, ok := recover().(string); !ok || !strings.Contains(s, "Pages is nil") {
			t.Errorf("panicked with %v", s)
		}
	}()
	middleware.CachePage(nil, time.Minute)
}

type discardWriter struct{ h http.Header }

func (w *discardWriter) Header() http.Header         { return w.h }
func (w *discardWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *discardWriter) WriteHeader(int)             {}

func benchmarkEcho(b *testing.B, mw ...echo.MiddlewareFunc) {
	e := newEcho()
	page := []byte(strings.Repeat("0123456789", 1024))
	e.GET("/", func(c echo.Context) error {
		c.Response().Header().Set("Content-Length", "10240")
		return c.Blob(200, "text/html; charset=utf-8", page)
	}, mw...)
	r := httptest.NewRequest(http.MethodGet, "http://a.test/", nil)
	b.ReportAllocs()
	for b.Loop() {
		e.ServeHTTP(&discardWriter{h: make(http.Header, 8)}, r)
	}
}

func BenchmarkBareEcho(b *testing.B) { benchmarkEcho(b) }
func BenchmarkCachePageHit(b *testing.B) {
	benchmarkEcho(b, middleware.CachePage(newPages(b, nil), time.Hour))
}
