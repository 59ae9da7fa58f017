package threats_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"
	"go.uber.org/goleak"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	host   = "site.test"
	canary = "canary-of-"

	// brokenTTL is how long the pages of the handler that may fail are fresh.
	brokenTTL = time.Millisecond
)

// site is a small site with public pages, pages of a user's own, and handlers
// that show what an attacker may want to get into a page of others.
type site struct {
	*echo.Echo
	log    *lines
	broken atomic.Bool
	ahead  atomic.Int64 // of the site's clock, in nanoseconds
}

// lines is what was logged.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.buf.Reset()
	return l.buf.String()
}

func newSite(t testing.TB) *site {
	t.Helper()
	e, log := echo.New(), &lines{}
	s := &site{Echo: e, log: log}
	cfg := echoic.DefaultConfig()
	cfg.Now = func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }
	cfg.SessionDatabase = t.TempDir() + "/sessions.db"
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	cfg.CacheStoreBudget = 10 * time.Second // how busy the machine is decides nothing here
	app, err := echoic.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	e.HideBanner = true
	e.Logger.SetOutput(io.Discard)
	e.Use(echomw.Recover(), middleware.Sessions(app.Sessions))
	cached := middleware.CachePage(app.Pages, time.Hour)
	e.GET("/public/:id", func(c echo.Context) error {
		r := c.Request()
		return c.String(http.StatusOK, publicPage(c.Param("id"), r.Header.Get("X-Forwarded-Host")+r.Header.Get("X-Original-Url")+r.Header.Get("Forwarded")+cookieOf(r, "evil")))
	}, cached)
	e.GET("/name", func(c echo.Context) error { // as if it were public
		return c.String(http.StatusOK, namePage(app.Sessions.UserID(c.Request().Context())))
	}, cached)
	e.GET("/mine", func(c echo.Context) error {
		return c.String(http.StatusOK, canary+app.Sessions.UserID(c.Request().Context()))
	}, cached)
	e.GET("/broken/*", func(c echo.Context) error {
		if s.broken.Load() {
			return errors.New("this handler is to fail")
		}
		return c.String(http.StatusOK, "well")
	}, middleware.CachePage(app.Pages, brokenTTL, pagecache.StaleIfError(time.Hour)))
	e.POST("/login/:user", func(c echo.Context) error {
		return app.Sessions.Login(c.Request().Context(), c.Param("user"))
	})
	e.POST("/logout", func(c echo.Context) error { return app.Sessions.Logout(c.Request().Context()) })
	return s
}

func publicPage(id, seen string) string { return fmt.Sprintf("public page %s [%s]", id, seen) }

func namePage(user string) string {
	if user == "" {
		return "hello, visitor"
	}
	return "hello, " + user
}

func cookieOf(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// ask sends a request as a browser with a cookie would, and returns the answer
// and the session's cookie after it.
func (s *site) ask(method, path, cookie string) (*http.Response, string, string) {
	r := httptest.NewRequest(method, path, nil)
	r.Host = host
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if c.Name == "session" {
			if cookie = c.Value; c.MaxAge < 0 {
				cookie = ""
			}
		}
	}
	return res, w.Body.String(), cookie
}

// login returns the cookie of a user who has logged in.
func (s *site) login(t testing.TB, user, cookie string) string {
	t.Helper()
	res, _, cookie := s.ask(http.MethodPost, "/login/"+user, cookie)
	if res.StatusCode != http.StatusOK || cookie == "" {
		t.Fatalf("login of %s: %d", user, res.StatusCode)
	}
	return cookie
}

// unspoiled checks that visitors get the public pages as they should be.
func (s *site) unspoiled(t testing.TB) {
	t.Helper()
	for path, want := range map[string]string{"/public/1": publicPage("1", ""), "/name": namePage("")} {
		res, body, cookie := s.ask(http.MethodGet, path, "")
		if res.StatusCode != http.StatusOK || body != want || cookie != "" {
			t.Fatalf("%s is spoiled: %d %q, cookie %q; want %q", path, res.StatusCode, body, cookie, want)
		}
	}
}
