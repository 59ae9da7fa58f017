package threats_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
)

// Somebody asks first for a cold page, in a way that makes an answer for him alone.
// The others, who come while it is made, get the page, and make it once.
func TestOneAttackerInAStampede(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"a range":               req("GET /page", "Range: bytes=0-1"),
		"a range beyond":        req("GET /page", "Range: bytes=9999-"),
		"no-store":              req("GET /page", "Cache-Control: no-store"),
		"HEAD":                  req("HEAD /page"),
		"Authorization":         req("GET /page", "Authorization: Basic ZXZpbDpldmls"),
		"a field that is long":  req("GET /page", "X-Long: "+strings.Repeat("a", 9000)),
		"a condition":           req("GET /page", "If-None-Match: *"),
		"a host in capitals":    strings.ReplaceAll(req("GET /page"), "good.test", "GOOD.test"),
		"leaves before the end": "",
	} {
		for _, early := range []bool{false, true} {
			if early && raw == "" {
				continue
			}
			t.Run(fmt.Sprint(name, ", answered before the others come: ", early), func(t *testing.T) {
				t.Parallel()
				oneAttacker(t, raw, early)
			})
		}
	}
}

func oneAttacker(t *testing.T, raw string, early bool) {
	var runs, asked atomic.Int64
	const others = 20
	begun, release := make(chan struct{}, others+1), make(chan struct{})
	text := strings.Repeat("the page ", 20)
	s := newPagesSite(t, "decorator", func(s *pagesSite, cached echo.MiddlewareFunc) {
		s.echo.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				asked.Add(1)
				return next(c)
			}
		})
		s.echo.Any("/page", func(c echo.Context) error {
			runs.Add(1)
			begun <- struct{}{}
			if c.Request().Header.Get("X-Now") == "" {
				<-release
			}
			if len(c.Request().Header.Get("X-Long")) > 8000 {
				return c.String(http.StatusRequestHeaderFieldsTooLarge, "evil")
			}
			http.ServeContent(c.Response(), c.Request(), "page.txt", time.Time{}, strings.NewReader(text))
			return nil
		}, cached)
	})
	var wg sync.WaitGroup
	if early {
		s.send(strings.Replace(raw, "Connection:", "X-Now: 1\r\nConnection:", 1))
		asked.Store(1)
		runs.Store(0)
		<-begun
	} else if raw == "" {
		conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, req("GET /page"))
		<-begun
		defer conn.Close()
	} else {
		wg.Go(func() { s.send(raw) })
		<-begun
	}
	answers := make([]got, others)
	for i := range others {
		wg.Go(func() { answers[i] = s.send(req("GET /page")) })
	}
	for asked.Load() < others+1 {
		runtime.Gosched()
	}
	close(release)
	wg.Wait()
	for _, g := range answers {
		if g.status != http.StatusOK || g.body != text {
			t.Fatalf("somebody got\n%s", g.raw)
		}
	}
	// Who came before the first answer was there but joined no flight yet
	// may be late for it: one more run, not one for each.
	if n := runs.Load(); n > 3 {
		t.Errorf("%d runs for one page", n)
	}
	if g := s.send(req("GET /page")); !g.hit() || g.body != text {
		t.Errorf("afterwards:\n%s", g.raw)
	}
}

// Requests as long as servers take them leave no memory behind, whatever becomes of
// the answer. Not parallel: it looks at the memory of the process.
func TestLongRequestsTakeNoMemory(t *testing.T) {
	const size, count, limit = 800_000, 100, 2 * storeBytes
	long := strings.Repeat("a", size)
	for name, ask := range map[string]func(r *http.Request, i int){
		"path":          func(r *http.Request, i int) { r.URL.Path = fmt.Sprint("/kept/", i, long) },
		"path not kept": func(r *http.Request, i int) { r.URL.Path = fmt.Sprint("/refused/", i, long) },
		"query":         func(r *http.Request, i int) { r.URL.Path, r.URL.RawQuery = "/kept/x", fmt.Sprint("q=", i, long) },
		"host":          func(r *http.Request, i int) { r.URL.Path, r.Host = "/refused/x", fmt.Sprint(i, long) },
		"Vary": func(r *http.Request, i int) {
			r.URL.Path = fmt.Sprint("/kept/", i)
			r.Header.Set("X-Mode", fmt.Sprint(i, long))
		},
		"Vary, not kept": func(r *http.Request, i int) {
			r.URL.Path = fmt.Sprint("/refused/", i%8)
			r.Header.Set("X-Mode", fmt.Sprint(i, long))
		},
		"cookie of a page": func(r *http.Request, i int) {
			r.URL.Path = "/theme"
			r.Header.Set("Cookie", fmt.Sprint("theme=", i, long))
		},
	} {
		s := newPagesSite(t, "decorator", func(s *pagesSite, cached echo.MiddlewareFunc) {
			s.echo.GET("/kept/*", func(c echo.Context) error {
				c.Response().Header().Set("Vary", "X-Mode")
				return c.HTML(http.StatusOK, "kept")
			}, cached)
			s.echo.GET("/refused/*", func(c echo.Context) error {
				c.Response().Header().Set("Vary", "X-Mode")
				return c.HTML(http.StatusTeapot, "refused")
			}, middleware.CachePage(s.pages, time.Hour, pagecache.VaryOn("X-Mode")))
			s.echo.GET("/theme", plainPage, middleware.CachePage(s.pages, time.Hour, pagecache.VaryOnCookie("theme")))
		}, func(cfg *pagecache.Config) { cfg.Development = false })
		before := heap()
		for i := range count {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RequestURI = ""
			ask(r, i)
			// As net/http does, of which all fields are parts of one text each.
			r.URL.Path, r.URL.RawQuery, r.Host = strings.Clone(r.URL.Path), strings.Clone(r.URL.RawQuery), strings.Clone(r.Host)
			s.echo.ServeHTTP(httptest.NewRecorder(), r)
		}
		if grown := heap() - before; grown > limit {
			t.Errorf("%s: %d requests of %d bytes left %d MiB behind", name, count, size, grown>>20)
		}
		runtime.KeepAlive(s)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Tags are bytes of an application's, perhaps of visitors': each purges its own pages
// and no others.
func TestTagsOfStrangeBytes(t *testing.T) {
	t.Parallel()
	tags := []string{"a", "A", "a:b", "a*", "*", "?", "a\x00", "a\x00b", "a\nb", "\xff\xfe", " a", "a ", "../a", "%61", "é", "e\u0301", "url:http://good.test/", strings.Repeat("t", 200), strings.Repeat("t", 201)}
	for i, purged := range tags {
		t.Run(fmt.Sprintf("%.20q", purged), func(t *testing.T) {
			t.Parallel()
			s := newPagesSite(t, "decorator", func(s *pagesSite, cached echo.MiddlewareFunc) {
				s.echo.GET("/page/:n", func(c echo.Context) error {
					var n int
					_, _ = fmt.Sscan(c.Param("n"), &n)
					cache.Tag(c.Request().Context(), tags[n])
					return plainPage(c)
				}, cached)
			})
			for n := range tags {
				for range 2 {
					s.send(req(fmt.Sprint("GET /page/", n)))
				}
			}
			if err := s.pages.Purge(t.Context(), purged); err != nil {
				t.Fatal(err)
			}
			for n := range tags {
				if hit := s.send(req(fmt.Sprint("GET /page/", n))).hit(); hit != (n != i) {
					t.Errorf("after the purge of %.20q the page of %.20q is a hit: %v", purged, tags[n], hit)
				}
			}
		})
	}
}

// A visitor's request makes a page anew in the background: nothing of it is in there.
func TestRefreshTakesNothingOver(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			var ahead, runs atomic.Int64
			s := newPagesSite(t, way, func(s *pagesSite, cached echo.MiddlewareFunc) {
				s.echo.GET("/page", func(c echo.Context) error {
					runs.Add(1)
					c.Response().Header().Set("Cache-Control", "max-age=60, stale-while-revalidate=3600")
					return mirrorPage(c)
				}, cached)
			}, func(cfg *pagecache.Config) {
				cfg.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			})
			want := s.send(req("GET /page")).body
			for i, raw := range []string{
				strings.ReplaceAll(req("GET /page"), "good.test", "GOOD.test."), req("GET http://evil@good.test/page"), req("GET /page?utm_source=evil&"), req("GET /page?"),
				req("GET /page", "Cookie: a=evil; session=evil", "X-Forwarded-Host: evil", "X-Original-URL: /evil"), req("GET /page", "Range: bytes=0-1", `If-Range: "evil"`), req("HEAD /page"),
			} {
				ahead.Add(int64(2 * time.Minute))
				s.send(raw)
				for deadline := time.Now().Add(20 * time.Second); runs.Load() < int64(i+2) && time.Now().Before(deadline); {
					s.send(req("GET /page"))
				}
				if g := s.send(req("GET /page")); g.body != want {
					t.Fatalf("after %q:\n%s", raw, g.body)
				}
			}
		})
	}
}
