package threats_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/session"
)

// stands are where the page cache may stand to the sessions.
var stands = []string{"inside", "around Echo", "around Echo, inside the sessions"}

// newUserSite starts a site with users. Its handlers wait at gate, if they are asked
// to by X-Wait.
func newUserSite(t *testing.T, stand string) (s *pagesSite, app *echoic.App, gate chan struct{}, waiting *atomic.Int64) {
	t.Helper()
	cfg := echoic.DefaultConfig()
	cfg.SessionDatabase = t.TempDir() + "/sessions.db"
	cfg.CacheStoreBudget = time.Minute
	cfg.Sessions = func(c *session.Config) { c.Shareable = []string{"locale"} }
	app, err := echoic.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	csrf, err := app.CSRF()
	if err != nil {
		t.Fatal(err)
	}
	s = &pagesSite{t: t, echo: echo.New(), pages: app.Pages}
	s.echo.Logger.SetOutput(io.Discard)
	s.echo.Use(echomw.Recover())
	h := http.Handler(s.echo)
	switch stand {
	case "around Echo":
		h = app.Pages.Handler(s.echo)
		s.echo.Use(middleware.Sessions(app.Sessions))
	case "around Echo, inside the sessions":
		h = app.Sessions.LoadAndSave(app.Pages.Handler(s.echo))
	default:
		s.echo.Use(middleware.Sessions(app.Sessions))
	}
	gate, waiting = make(chan struct{}), new(atomic.Int64)
	s.mountUsers(app, csrf, gate, waiting)
	s.server = httptest.NewServer(h)
	t.Cleanup(func() {
		s.server.Close()
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, app, gate, waiting
}

func (s *pagesSite) mountUsers(app *echoic.App, csrf *session.CSRF, gate chan struct{}, waiting *atomic.Int64) {
	cached, m := middleware.CachePage(app.Pages, time.Hour), app.Sessions
	wait := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if c.Request().Header.Get("X-Wait") == "before" {
				waiting.Add(1)
				<-gate
			}
			err := next(c)
			if c.Request().Header.Get("X-Wait") == "after" {
				waiting.Add(1)
				<-gate
			}
			return err
		}
	}
	s.echo.GET("/account/*", func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "public, max-age=3600") // as if nobody had thought of it
		return c.String(http.StatusOK, canary+m.UserID(c.Request().Context()))
	}, cached, wait)
	s.echo.GET("/locale", func(c echo.Context) error {
		return c.String(http.StatusOK, m.GetString(c.Request().Context(), "locale"))
	}, cached)
	s.echo.GET("/locale/:to", func(c echo.Context) error {
		was := m.GetString(c.Request().Context(), "locale")
		m.Put(c.Request().Context(), "locale", c.Param("to"))
		return c.String(http.StatusOK, "evil "+was)
	}, cached)
	s.echo.GET("/large", func(c echo.Context) error {
		m.Put(c.Request().Context(), "large", strings.Repeat("evil", 8<<20))
		return c.String(http.StatusOK, "evil")
	}, cached)
	s.echo.POST("/login/:user", func(c echo.Context) error { return m.Login(c.Request().Context(), c.Param("user")) })
	s.echo.POST("/logout", func(c echo.Context) error { return m.Logout(c.Request().Context()) })
	s.echo.POST("/note", func(c echo.Context) error {
		m.Put(c.Request().Context(), "note", "x")
		return c.NoContent(http.StatusOK)
	}, wait)
	forms := s.echo.Group("/forms", middleware.CSRF(csrf))
	forms.GET("/token", func(c echo.Context) error {
		token, err := csrf.Token(c.Request().Context())
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, token)
	}, cached)
	forms.POST("/do", func(c echo.Context) error { return c.String(http.StatusOK, "done") })
	forms.POST("/login/:user", func(c echo.Context) error { return m.Login(c.Request().Context(), c.Param("user")) })
}

// as is a request with the cookies of a user.
func (s *pagesSite) as(cookie, line string, fields ...string) got {
	if cookie != "" {
		fields = append(fields, "Cookie: "+cookie)
	}
	return s.send(req(line, fields...))
}

// cookies are those that an answer sets, as a request sends them.
func (g got) cookies() string {
	var pairs []string
	for _, c := range (&http.Response{Header: g.header}).Cookies() {
		if c.MaxAge >= 0 {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
	}
	return strings.Join(pairs, "; ")
}

func (s *pagesSite) login(user, cookie string) string {
	s.t.Helper()
	g := s.as(cookie, "POST /login/"+user, "Content-Length: 0")
	if g.status != http.StatusOK || g.cookies() == "" {
		s.t.Fatalf("login of %s: %s", user, g.raw)
	}
	return g.cookies()
}

// A page of a user's own whose URL looks like a file of all.
func TestDeceivedCaches(t *testing.T) {
	t.Parallel()
	paths := []string{
		"x.css", "x.js", "x.png", "settings/x.css", ";x.css", "a;x.css", "x.css?utm_source=1", "x.css?", "%2fx.css", "..%2fstatic%2fx.css", "x%00.css", "x%0a.css", "x%23.css", "x%3f.css",
		"x%3bx.css", "%2e%2e/x.css", "..;/x.css", "robots.txt", "favicon.ico", "index.html", ".well-known/x.txt", "x.css/", "x.css/.", "%78.css", "x.CSS", "x.css%20", "x.css~", "x.css,x", "x.css!", "\\x.css",
	}
	for _, stand := range stands {
		t.Run(stand, func(t *testing.T) {
			t.Parallel()
			s, _, _, _ := newUserSite(t, stand)
			alice := s.login("alice", "")
			for _, path := range paths {
				s.as(alice, "GET /account/"+path)
				s.as(alice, "HEAD /account/"+path)
				if g := s.as(alice, "GET /account/"+path, "Authorization: Basic eDp4"); g.hit() {
					t.Errorf("%s: alice's page was kept", path)
				}
				for _, who := range []string{"", "session=evil", "other=1"} {
					if g := s.as(who, "GET /account/"+path); strings.Contains(g.raw, canary+"alice") {
						t.Errorf("%s: %q was shown alice's page", path, who)
					}
				}
			}
		})
	}
}

// Users and visitors ask for one page at one moment: each gets his own, once it is
// made, and nobody's is kept.
func TestUsersInOneFlight(t *testing.T) {
	t.Parallel()
	for _, stand := range stands {
		t.Run(stand, func(t *testing.T) {
			t.Parallel()
			s, _, gate, waiting := newUserSite(t, stand)
			who := map[string]string{"alice": s.login("alice", ""), "bob": s.login("bob", ""), "": ""}
			var wg sync.WaitGroup
			for range 4 {
				for user, cookie := range who {
					wg.Go(func() {
						if g := s.as(cookie, "GET /account/page", "X-Wait: after"); g.status != 200 || g.body != canary+user {
							t.Errorf("%q got %s", user, g.raw)
						}
					})
				}
			}
			for waiting.Load() < 1 {
				runtime.Gosched()
			}
			close(gate)
			wg.Wait()
			for user, cookie := range who {
				if g := s.as(cookie, "GET /account/page"); g.body != canary+user {
					t.Errorf("afterwards %q got %s", user, g.raw)
				}
			}
		})
	}
}

// A session ends while a page of its user is being made, or while it is written to.
func TestSessionEndsMeanwhile(t *testing.T) {
	t.Parallel()
	for _, stand := range stands {
		for _, how := range []string{"logout", "revoke", "login"} {
			for _, ask := range []string{"GET /account/page", "POST /note"} {
				for _, when := range []string{"before", "after"} {
					t.Run(fmt.Sprint(stand, ", ", how, " ", when, " ", ask), func(t *testing.T) {
						t.Parallel()
						s, app, gate, waiting := newUserSite(t, stand)
						alice := s.login("alice", "")
						var wg sync.WaitGroup
						var late got
						wg.Go(func() { late = s.as(alice, ask, "X-Wait: "+when, "Content-Length: 0") })
						for waiting.Load() < 1 {
							runtime.Gosched()
						}
						switch how {
						case "logout":
							s.as(alice, "POST /logout", "Content-Length: 0")
						case "revoke":
							if n, err := app.Sessions.Revoke(t.Context(), "alice"); err != nil || n != 1 {
								t.Fatal(n, err)
							}
						case "login":
							s.login("bob", alice)
						}
						close(gate)
						wg.Wait()
						if cookie := late.cookies(); cookie != "" && s.as(cookie, "GET /account/x").body != canary {
							t.Errorf("the late answer opens a session again: %s", late.raw)
						}
						for _, cookie := range []string{alice, ""} {
							if g := s.as(cookie, "GET /account/page"); g.body != canary {
								t.Errorf("%q still sees %s", cookie, g.raw)
							}
						}
					})
				}
			}
		}
	}
}

// A shareable value that changes while the page is made belongs to no variant.
func TestVariantChangesMeanwhile(t *testing.T) {
	t.Parallel()
	for _, stand := range stands {
		t.Run(stand, func(t *testing.T) {
			t.Parallel()
			s, _, _, _ := newUserSite(t, stand)
			alice := s.login("alice", "")
			for _, to := range []string{"de", "fr", "de"} {
				if g := s.as(alice, "GET /locale/"+to); g.hit() || !strings.HasPrefix(g.body, "evil") {
					t.Fatalf("%s: %s", to, g.raw)
				}
				for range 2 {
					if g := s.as(alice, "GET /locale"); g.body != to {
						t.Errorf("alice's locale is %q, not %q", g.body, to)
					}
				}
			}
			if g := s.as("", "GET /locale"); g.body != "" {
				t.Errorf("a visitor's locale is %q", g.body)
			}
			if g := s.as("", "GET /locale/de"); g.hit() {
				t.Errorf("a page that changed a session was kept: %s", g.raw)
			}
		})
	}
}

// Cookies of one name, as another site of the same domain can set them.
func TestTossedCookies(t *testing.T) {
	t.Parallel()
	for _, stand := range stands {
		t.Run(stand, func(t *testing.T) {
			t.Parallel()
			s, _, _, _ := newUserSite(t, stand)
			alice, bob := s.login("alice", ""), s.login("bob", "")
			for i, cookies := range []string{alice + "; " + bob, bob + "; " + alice, alice + "; session=evil", "session=evil; " + alice, "session=; " + alice, alice + "; session=", "SESSION=evil; " + alice, strings.Repeat("session=evil; ", 50) + alice, " ;" + alice + ";;", alice + "\r\nCookie: " + bob} {
				path := fmt.Sprint("GET /account/", i)
				seen := s.as(cookies, path).body
				for range 2 {
					if g := s.as("", path); g.body != canary {
						t.Errorf("%q: a visitor got %s", cookies, g.raw)
					}
					if g := s.as(bob, path); g.body != canary+"bob" {
						t.Errorf("%q: bob got %s", cookies, g.raw)
					}
					if again := s.as(cookies, path).body; again != seen {
						t.Errorf("%q: first %q, then %q", cookies, seen, again)
					}
				}
			}
		})
	}
}
