package middleware_test

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/session"
)

// TestSessionsAndPages: whatever the order, a page that used the session is
// nobody else's, and one that did not is shared by all, with sessions or without.
func TestSessionsAndPages(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"sessions outside", "pages outside"} {
		for _, raw := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, raw %v", order, raw), func(t *testing.T) {
				t.Parallel()
				m, store := newSessions(t, session.Config{})
				pages := newPages(t, func(cfg *pagecache.Config) { cfg.SessionCookies = []string{"session"} })
				sessions, page := middleware.Sessions(m), middleware.CachePage(pages, time.Minute)
				e := newEcho()
				around := chain(echomw.Recover(), sessions, page)
				if order == "pages outside" {
					around = chain(echomw.Recover(), page, sessions)
				}
				user := func(c echo.Context) string {
					if raw {
						return m.SessionManager.GetString(c.Request().Context(), "__userID")
					}
					return m.UserID(c.Request().Context())
				}
				e.GET("/mine", func(c echo.Context) error { return c.String(200, "hello "+user(c)+long) }, around...)
				e.GET("/all", func(c echo.Context) error { return c.String(200, "hello all"+long) }, around...)
				cookies := make(map[string]*http.Cookie)
				e.GET("/login/:user", func(c echo.Context) error {
					if err := m.Login(c.Request().Context(), c.Param("user")); err != nil {
						return err
					}
					return c.NoContent(204)
				}, sessions)
				for _, name := range []string{"ann", "bob", "eve"} {
					cookies[name] = get(e, "/login/"+name).Cookies()[0]
				}
				store.fetches.Store(0)
				var wg sync.WaitGroup
				for n := range 300 {
					name := []string{"", "ann", "bob", "eve"}[n%4]
					wg.Go(func() { checkPages(t, e, name, cookies[name]) })
				}
				wg.Wait()
				if n := store.fetches.Load(); n != 225 {
					t.Errorf("%d sessions were loaded, want one for each private page of a user: 225", n)
				}
			})
		}
	}
}

// checkPages asks for the private and the shared page.
func checkPages(t *testing.T, e *echo.Echo, name string, cookie *http.Cookie) {
	ask := func(path string) *http.Response {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w.Result()
	}
	mine := ask("/mine")
	if got, _, _ := strings.Cut(text(t, mine), "motivation"); got != "hello "+name {
		t.Errorf("%q got %q", name, got)
	}
	if hit(mine) || !strings.Contains(mine.Header.Get("Cache-Control"), "private") {
		t.Errorf("a private page: Cache-Control %q, Cache-Status %q", mine.Header["Cache-Control"], mine.Header["Cache-Status"])
	}
	all := ask("/all")
	if got, _, _ := strings.Cut(text(t, all), "motivation"); got != "hello all" || len(all.Cookies()) != 0 {
		t.Errorf("%q got %q, cookies %v", name, got, all.Cookies())
	}
}

// The line that used the session is known in development, whatever the order, for
// code and for templates that call it.
func TestSessionsAndPagesTellTheLine(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"sessions outside", "pages outside"} {
		for _, shareable := range []bool{false, true} {
			var cfg session.Config
			if shareable {
				cfg.Shareable = []string{"theme"}
			}
			m, _ := newSessions(t, cfg)
			pages := newPages(t, func(cfg *pagecache.Config) {
				cfg.SessionCookies, cfg.Development = []string{"session"}, true
			})
			sessions, page := middleware.Sessions(m), middleware.CachePage(pages, time.Minute)
			around := chain(sessions, page)
			if order == "pages outside" {
				around = chain(page, sessions)
			}
			e := newEcho()
			user := func(ctx context.Context) string { return m.GetString(ctx, "user") }
			e.GET("/code", func(c echo.Context) error { return c.String(200, "hello "+user(c.Request().Context())+long) }, around...)
			text := template.Must(template.New("").Funcs(template.FuncMap{"user": user}).Parse("hello {{ user . }}" + long))
			e.GET("/template", func(c echo.Context) error { return text.Execute(c.Response(), c.Request().Context()) }, around...)
			for _, path := range []string{"/code", "/template"} {
				get(e, path)
				d := pages.Recent()[0]
				private := d.Kept == pagecache.ReasonPrivateScope || d.Kept == pagecache.ReasonPrivate
				if !private || !strings.Contains(d.Details.Code, "sessions_pages_test.go:") || !strings.Contains(d.Details.Code, "TestSessionsAndPagesTellTheLine") {
					t.Errorf("%s, shareable %v, %s: %s at %q", order, shareable, path, d.Kept, d.Details.Code)
				}
			}
		}
	}
}
