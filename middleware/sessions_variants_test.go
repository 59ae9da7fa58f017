package middleware_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/session"
)

// variantSite has a page that reads the locale, one that reads the user as well,
// and routes that change the session.
type variantSite struct {
	e     *echo.Echo
	m     *session.Manager
	store *flakyStore
	runs  atomic.Int64 // of the page
}

func newVariantSite(t *testing.T, outside bool) *variantSite {
	t.Helper()
	s := &variantSite{e: newEcho()}
	s.m, s.store = newSessions(t, session.Config{Shareable: []string{"locale"}, IdleTimeout: time.Hour})
	pages := newPages(t, func(cfg *pagecache.Config) { cfg.SessionCookies = []string{"session"} })
	sessions, page := middleware.Sessions(s.m), middleware.CachePage(pages, time.Minute)
	around := chain(echomw.Recover(), sessions, page)
	if outside {
		around = chain(echomw.Recover(), page, sessions)
	}
	s.e.GET("/", func(c echo.Context) error {
		s.runs.Add(1)
		return c.String(200, "locale="+s.m.GetString(c.Request().Context(), "locale")+" "+long)
	}, around...)
	s.e.GET("/user", func(c echo.Context) error {
		ctx := c.Request().Context()
		return c.String(200, "locale="+s.m.GetString(ctx, "locale")+s.m.UserID(ctx)+" "+long)
	}, around...)
	s.e.GET("/set/:locale", func(c echo.Context) error {
		s.m.Put(c.Request().Context(), "locale", c.Param("locale"))
		return c.NoContent(204)
	}, sessions)
	s.e.GET("/login/:user", func(c echo.Context) error {
		if err := s.m.Login(c.Request().Context(), c.Param("user")); err != nil {
			return err
		}
		return c.NoContent(204)
	}, sessions)
	return s
}

func (s *variantSite) ask(path string, cookie *http.Cookie) *http.Response {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	s.e.ServeHTTP(w, r)
	return w.Result()
}

// shows fails the test unless the page is that of the locale, from the cache or
// not, and private for whoever else may keep it.
func (s *variantSite) shows(t *testing.T, path string, cookie *http.Cookie, want string, fromCache bool) {
	t.Helper()
	got := s.ask(path, cookie)
	if first, _, _ := strings.Cut(text(t, got), " "); first != "locale="+want || hit(got) != fromCache {
		t.Errorf("%s: %q, from the cache %v, want %q, %v: %q", path, first, hit(got), want, fromCache, got.Header["Cache-Status"])
	}
	if !strings.Contains(got.Header.Get("Cache-Control"), "private") || !strings.Contains(strings.Join(got.Header["Vary"], ","), "Cookie") || len(got.Cookies()) != 0 {
		t.Errorf("%s: Cache-Control %q, Vary %q, cookies %v", path, got.Header["Cache-Control"], got.Header["Vary"], got.Cookies())
	}
}

// TestSessionsVariants: a page that reads only a declared key is kept for each
// value, and for visitors without one; all who have the value share it.
func TestSessionsVariants(t *testing.T) {
	t.Parallel()
	s := newVariantSite(t, false)
	ann, bob, eve := s.ask("/set/de", nil).Cookies()[0], s.ask("/set/fr", nil).Cookies()[0], s.ask("/set/de", nil).Cookies()[0]
	nobody := s.ask("/login/zoe", nil).Cookies()[0]
	s.shows(t, "/", nil, "", false)
	s.shows(t, "/", ann, "de", false)
	s.shows(t, "/", bob, "fr", false)
	for range 2 {
		s.shows(t, "/", nil, "", true)
		s.shows(t, "/", ann, "de", true)
		s.shows(t, "/", bob, "fr", true)
		s.shows(t, "/", eve, "de", true)
		s.shows(t, "/", nobody, "", true)
	}
	s.ask("/set/fr", ann)
	s.shows(t, "/", ann, "fr", true)
	s.shows(t, "/", eve, "de", true)
	s.ask("/set/it", bob)
	s.shows(t, "/", bob, "it", false)
	if n := s.runs.Load(); n != 4 {
		t.Errorf("the handler ran %d times, want once for each value: 4", n)
	}
	for range 2 {
		s.shows(t, "/user", eve, "de", false)
		s.shows(t, "/user", nobody, "zoe", false)
	}
}

// TestSessionsVariantsOutside: a page cache around the sessions cannot ask for
// values, and shares nothing that depends on them.
func TestSessionsVariantsOutside(t *testing.T) {
	t.Parallel()
	s := newVariantSite(t, true)
	ann, bob := s.ask("/set/de", nil).Cookies()[0], s.ask("/set/fr", nil).Cookies()[0]
	for range 3 {
		s.shows(t, "/", ann, "de", false)
		s.shows(t, "/", bob, "fr", false)
		s.shows(t, "/", nil, "", false)
	}
}

// TestSessionsVariantsAtOnce: visitors with different values who come at the same
// time, while values change, each get the page of their own.
func TestSessionsVariantsAtOnce(t *testing.T) {
	t.Parallel()
	s := newVariantSite(t, false)
	var wg sync.WaitGroup
	for n := range 24 {
		wg.Go(func() {
			locale := []string{"de", "fr", "it"}[n%3]
			cookie := s.ask("/set/"+locale, nil).Cookies()[0]
			for round := range 20 {
				if round%5 == 4 {
					locale = fmt.Sprintf("l%d", (n+round)%7)
					if got := s.ask("/set/"+locale, cookie); got.StatusCode != http.StatusNoContent {
						t.Errorf("visitor %d sets %s: %d %s", n, locale, got.StatusCode, text(t, got))
					}
				}
				got, _, _ := strings.Cut(text(t, s.ask("/", cookie)), " ")
				if got != "locale="+locale {
					t.Errorf("visitor %d with %s got %s", n, locale, got)
				}
			}
		})
	}
	wg.Wait()
}

// TestSessionsVariantsOutage: without the session nobody knows the value: 503,
// never the page of another value; who has no session is served.
func TestSessionsVariantsOutage(t *testing.T) {
	t.Parallel()
	s := newVariantSite(t, false)
	ann := s.ask("/set/de", nil).Cookies()[0]
	s.shows(t, "/", ann, "de", false)
	s.shows(t, "/", nil, "", false)
	s.store.failFetch.Store(true)
	if got := s.ask("/", ann); got.StatusCode != http.StatusServiceUnavailable || len(got.Cookies()) != 0 {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
	s.shows(t, "/", nil, "", true)
}
