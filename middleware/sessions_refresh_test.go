package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/session"
)

// refreshSite has pages that vary by values of the session, and a clock.
type refreshSite struct {
	variantSite
	pages   *pagecache.Pages
	ahead   atomic.Int64
	version atomic.Int64

	mu      sync.Mutex
	cookies []string // that refreshes saw
	renewed int
}

// refreshPages are the pages, and what they do in a refresh, and only there, that
// only a visitor may.
var refreshPages = map[string]func(m *session.Manager, ctx context.Context){
	"/plain":      func(*session.Manager, context.Context) {},
	"/write":      func(m *session.Manager, ctx context.Context) { m.Put(ctx, "locale", "evil") },
	"/undeclared": func(m *session.Manager, ctx context.Context) { m.GetString(ctx, "cart") },
	"/user":       func(m *session.Manager, ctx context.Context) { m.UserID(ctx) },
	"/token":      func(m *session.Manager, ctx context.Context) { m.Token(ctx) },
	"/pop":        func(m *session.Manager, ctx context.Context) { m.PopString(ctx, "locale") },
	"/destroy":    func(m *session.Manager, ctx context.Context) { _ = m.Destroy(ctx) },
	"/login":      func(m *session.Manager, ctx context.Context) { _ = m.Login(ctx, "evil") },
	"/unknown":    func(m *session.Manager, ctx context.Context) { m.GetInt(ctx, "size") },
	"/other": func(m *session.Manager, ctx context.Context) {
		m.GetString(m.Context(context.WithoutCancel(ctx), unknownToken), "cart")
	},
	"/raw": func(m *session.Manager, ctx context.Context) { m.SessionManager.Put(ctx, "locale", "evil") },
}

const refreshTTL = time.Minute

func newRefreshSite(t *testing.T) *refreshSite {
	t.Helper()
	s := &refreshSite{}
	s.e = newEcho()
	s.m, s.store = newSessions(t, session.Config{Shareable: []string{"locale", "size", "dark"}})
	begun := time.Now()
	s.pages = newPages(t, func(cfg *pagecache.Config) {
		cfg.Now = func() time.Time { return begun.Add(time.Duration(s.ahead.Load())) }
		cfg.StaleWhileRevalidate = time.Hour
	})
	t.Cleanup(func() { _ = s.pages.Close() })
	around := chain(echomw.Recover(), middleware.Sessions(s.m), middleware.CachePage(s.pages, refreshTTL))
	for path, extra := range refreshPages {
		s.e.GET(path, func(c echo.Context) error { return s.show(c, extra) }, around...)
	}
	s.e.GET("/typed", func(c echo.Context) error {
		ctx := c.Request().Context()
		return c.String(200, fmt.Sprintf("v%d %d %v %q %v %s", s.version.Load(), s.m.GetInt(ctx, "size"), s.m.GetBool(ctx, "dark"), s.m.GetString(ctx, "locale"), s.m.Exists(ctx, "size"), long))
	}, around...)
	s.e.GET("/set/:locale/:size/:dark", func(c echo.Context) error {
		ctx, size := c.Request().Context(), len(c.Param("size"))
		s.m.Put(ctx, "locale", c.Param("locale"))
		s.m.Put(ctx, "size", size)
		s.m.Put(ctx, "dark", c.Param("dark") == "yes")
		s.m.Put(ctx, "cart", "secret")
		return c.NoContent(204)
	}, middleware.Sessions(s.m))
	return s
}

// show writes the page. What extra does is caught, as a careless handler would.
func (s *refreshSite) show(c echo.Context, extra func(*session.Manager, context.Context)) error {
	r := c.Request()
	text := "locale=" + s.m.GetString(r.Context(), "locale")
	if pagecache.Refreshing(r) {
		s.mu.Lock()
		s.renewed++
		s.cookies = append(s.cookies, r.Header["Cookie"]...)
		s.mu.Unlock()
		if c.Path() != "/plain" {
			text = "evil"
		}
		func() {
			defer func() { _ = recover() }()
			extra(s.m, r.Context())
		}()
	}
	return c.String(200, fmt.Sprintf("%s v%d %s", text, s.version.Load(), long))
}

func (s *refreshSite) text(t *testing.T, path string, cookie *http.Cookie) (got string, fromCache bool) {
	t.Helper()
	answer := s.ask(path, cookie)
	if len(answer.Cookies()) != 0 {
		t.Errorf("%s: cookies %v", path, answer.Cookies())
	}
	return strings.TrimSpace(strings.TrimSuffix(text(t, answer), long)), hit(answer)
}

// TestRefreshByValue: a stale page is served, and made anew in the background for
// the values that it varies by: as a visitor who has these would get it, whatever
// their types, with no real session at hand.
func TestRefreshByValue(t *testing.T) {
	t.Parallel()
	s := newRefreshSite(t)
	readers := map[string]*http.Cookie{"de": nil, "fr": nil, "": nil}
	readers["de"], readers["fr"] = s.ask("/set/de/xx/yes", nil).Cookies()[0], s.ask("/set/fr/xxx/no", nil).Cookies()[0]
	typed := map[string]string{"de": `2 true "de" true`, "fr": `3 false "fr" true`, "": `0 false "" false`}
	for locale, cookie := range readers {
		s.text(t, "/plain", cookie)
		if got, _ := s.text(t, "/typed", cookie); got != "v0 "+typed[locale] {
			t.Errorf("%q: %q", locale, got)
		}
	}
	for round := int64(1); round <= 3; round++ {
		s.version.Store(round)
		s.ahead.Add(int64(refreshTTL + time.Second))
		for locale, cookie := range readers {
			for path, want := range map[string]string{"/plain": "locale=" + locale + " v%d", "/typed": "v%d " + typed[locale]} {
				if got, fromCache := s.text(t, path, cookie); got != fmt.Sprintf(want, round-1) && got != fmt.Sprintf(want, round) || !fromCache {
					t.Errorf("%s: %q, from the cache %v: the visitor waited", path, got, fromCache)
				}
				testenv.Eventually(t, 20*time.Second, func() bool {
					got, fromCache := s.text(t, path, cookie)
					return got == fmt.Sprintf(want, round) && fromCache
				}, "%s is made anew for %q", path, locale)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.renewed != 3*len(readers) || len(s.cookies) != 0 {
		t.Errorf("%d refreshes of /plain, want %d; cookies %q", s.renewed, 3*len(readers), s.cookies)
	}
}

// TestRefreshRefused: a refresh that reads more than the page varies by, or changes
// something, fails: nothing of it is kept, also if the handler goes on. The page is
// then made while a visitor waits.
func TestRefreshRefused(t *testing.T) {
	t.Parallel()
	for path := range refreshPages {
		if path == "/plain" {
			continue
		}
		t.Run(strings.TrimPrefix(path, "/"), func(t *testing.T) {
			t.Parallel()
			s := newRefreshSite(t)
			cookie := s.ask("/set/de/xx/yes", nil).Cookies()[0]
			s.text(t, path, cookie)
			if got, fromCache := s.text(t, path, cookie); got != "locale=de v0" || !fromCache {
				t.Fatalf("%q, %v", got, fromCache)
			}
			s.ahead.Add(int64(refreshTTL + time.Second))
			s.version.Store(1)
			testenv.Eventually(t, 20*time.Second, func() bool {
				got, _ := s.text(t, path, cookie)
				if got != "locale=de v0" && got != "locale=de v1" {
					t.Fatalf("a visitor got %q", got)
				}
				return got == "locale=de v1"
			}, "the page is made anew for the visitor who waits")
			s.mu.Lock()
			renewed := s.renewed
			s.mu.Unlock()
			if renewed != 1 {
				t.Errorf("%d refreshes, want one that failed", renewed)
			}
			if got, fromCache := s.text(t, path, cookie); got != "locale=de v1" || !fromCache {
				t.Errorf("%q, from the cache %v", got, fromCache)
			}
		})
	}
}

// TestWarmByValue: a warm-up makes pages for visitors with values, too.
func TestWarmByValue(t *testing.T) {
	t.Parallel()
	s := newRefreshSite(t)
	progress, err := s.pages.Warm(t.Context(), pagecache.WarmConfig{
		Server: s.e, URLs: []string{"http://example.com/plain"}, PerSecond: 1000,
		Readers: [][]cache.Pair{{{Name: "locale", Value: "de"}}, {{Name: "locale", Value: "fr"}}, {{Name: "size", Absent: true}}},
	})
	if err != nil || progress.Total != 4 || progress.Made != 3 || progress.Failed != 1 {
		t.Errorf("%+v, %v, want three made, and one that read more than was known", progress, err)
	}
	de, fr := s.ask("/set/de/xx/yes", nil).Cookies()[0], s.ask("/set/fr/xxx/no", nil).Cookies()[0]
	for locale, cookie := range map[string]*http.Cookie{"de": de, "fr": fr, "": nil} {
		if got, fromCache := s.text(t, "/plain", cookie); got != "locale="+locale+" v0" || !fromCache {
			t.Errorf("%q: %q, from the cache %v", locale, got, fromCache)
		}
	}
	if _, err := s.pages.Warm(t.Context(), pagecache.WarmConfig{Server: s.e, Readers: make([][]cache.Pair, 33)}); err == nil {
		t.Error("33 lists of values are taken")
	}
}
