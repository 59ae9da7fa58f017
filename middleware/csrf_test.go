package middleware_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/session"
)

func newCSRF(t testing.TB, m *session.Manager) *session.CSRF {
	t.Helper()
	c, err := session.NewCSRF(session.CSRFConfig{Manager: m, Keys: [][]byte{bytes.Repeat([]byte("k"), 32)}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// visitor is a browser.
type visitor struct {
	t       *testing.T
	e       *echo.Echo
	cookies map[string]string
}

func (v *visitor) ask(r *http.Request) *http.Response {
	v.t.Helper()
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	v.e.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		v.cookies[c.Name] = c.Value
	}
	return w.Result()
}

func (v *visitor) get(path string) string {
	v.t.Helper()
	return text(v.t, v.ask(httptest.NewRequest(http.MethodGet, path, nil)))
}

func (v *visitor) post(path string, form url.Values) int {
	v.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.ask(r).StatusCode
}

func TestCSRF(t *testing.T) {
	t.Parallel()
	orders := map[string]func(s, c echo.MiddlewareFunc) []echo.MiddlewareFunc{
		"Sessions, CSRF": func(s, c echo.MiddlewareFunc) []echo.MiddlewareFunc { return []echo.MiddlewareFunc{s, c} },
		"Gzip outside": func(s, c echo.MiddlewareFunc) []echo.MiddlewareFunc {
			return []echo.MiddlewareFunc{echomw.Gzip(), s, c}
		},
		"Gzip, Recover inside": func(s, c echo.MiddlewareFunc) []echo.MiddlewareFunc {
			return []echo.MiddlewareFunc{s, c, echomw.Gzip(), echomw.Recover()}
		},
		"Recover, BodyLimit, all": func(s, c echo.MiddlewareFunc) []echo.MiddlewareFunc {
			return []echo.MiddlewareFunc{echomw.Recover(), echomw.BodyLimit("64K"), middleware.SameOrigin(), s, c}
		},
	}
	for order, chain := range orders {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			m, store := newSessions(t, session.Config{})
			csrf := newCSRF(t, m)
			e := newEcho()
			e.Use(chain(middleware.Sessions(m), middleware.CSRF(csrf))...)
			e.GET("/form", func(c echo.Context) error {
				token, err := csrf.Token(c.Request().Context())
				if err != nil {
					return err
				}
				return c.String(http.StatusOK, token)
			})
			e.GET("/plain", func(c echo.Context) error { return c.String(http.StatusOK, "plain") })
			e.POST("/send", func(c echo.Context) error { return c.String(http.StatusOK, c.FormValue("text")) })
			e.POST("/login", func(c echo.Context) error { return m.Login(c.Request().Context(), "ann") })
			v := &visitor{t, e, map[string]string{}}
			if v.get("/plain"); len(v.cookies) != 0 {
				t.Errorf("cookies %v for a page without a form", v.cookies)
			}
			token := v.get("/form")
			for what, test := range map[string]struct {
				form url.Values
				path string
				want int
			}{
				"its token":      {url.Values{"csrf_token": {token}, "text": {"x"}}, "/send", 200},
				"none":           {url.Values{"text": {"x"}}, "/send", 403},
				"another":        {url.Values{"csrf_token": {(&visitor{t, e, map[string]string{}}).get("/form")}}, "/send", 403},
				"one in the URL": {url.Values{"text": {"x"}}, "/send?csrf_token=" + token, 403},
			} {
				if got := v.post(test.path, test.form); got != test.want {
					t.Errorf("%s: %d, want %d", what, got, test.want)
				}
			}
			if store.writes.Load() != 0 {
				t.Errorf("%d writes", store.writes.Load())
			}
			if got := v.post("/login", url.Values{"csrf_token": {token}}); got != 200 {
				t.Errorf("login: %d", got)
			}
			if got := v.post("/send", url.Values{"csrf_token": {token}}); got != 403 {
				t.Errorf("a token from before the login: %d", got)
			}
			if got := v.post("/send", url.Values{"csrf_token": {v.get("/form")}}); got != 200 {
				t.Errorf("a token from after the login: %d", got)
			}
			token = v.get("/form")
			r := httptest.NewRequest(http.MethodPost, "/send", strings.NewReader(`{}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-CSRF-Token", token)
			if got := v.ask(r).StatusCode; got != 200 {
				t.Errorf("a token in the header: %d", got)
			}
			var body bytes.Buffer
			parts := multipart.NewWriter(&body)
			_ = parts.WriteField("csrf_token", token)
			_ = parts.Close()
			r = httptest.NewRequest(http.MethodPost, "/send", &body)
			r.Header.Set("Content-Type", parts.FormDataContentType())
			if got := v.ask(r).StatusCode; got != 200 {
				t.Errorf("a token in a multipart form: %d", got)
			}
			token = v.get("/form")
			store.failFetch.Store(true)
			if got := v.post("/send", url.Values{"csrf_token": {token}}); got != 503 {
				t.Errorf("while the store is away: %d, want 503", got)
			}
		})
	}
}

// TestCSRFOutsideSessions: the wrong order lets nothing pass.
func TestCSRFOutsideSessions(t *testing.T) {
	t.Parallel()
	m, _ := newSessions(t, session.Config{})
	e := newEcho()
	e.Use(middleware.CSRF(newCSRF(t, m)), middleware.Sessions(m))
	e.POST("/send", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	v := &visitor{t, e, map[string]string{}}
	if got := v.post("/send", url.Values{"csrf_token": {strings.Repeat("A", 86)}}); got != 500 {
		t.Errorf("status %d", got)
	}
}

func TestCSRFBodyLimit(t *testing.T) {
	t.Parallel()
	m, _ := newSessions(t, session.Config{})
	e := newEcho()
	e.Use(echomw.BodyLimit("1K"), middleware.Sessions(m), middleware.CSRF(newCSRF(t, m)))
	e.POST("/send", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	r := httptest.NewRequest(http.MethodPost, "/send", strings.NewReader("csrf_token="+strings.Repeat("A", 4000)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.ContentLength = -1
	if got := (&visitor{t, e, map[string]string{}}).ask(r).StatusCode; got != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", got)
	}
}

// TestCSRFInCachedPage: as a hole the token leaves the page shared, and every
// visitor gets his own; without one the page is not kept.
func TestCSRFInCachedPage(t *testing.T) {
	t.Parallel()
	m, store := newSessions(t, session.Config{})
	csrf := newCSRF(t, m)
	holes, err := live.New(live.Config{})
	if err != nil {
		t.Fatal(err)
	}
	pages := newPages(t, func(cfg *pagecache.Config) { cfg.Live = holes })
	if err := pages.Live("csrf", live.Token, csrf.Token); err != nil {
		t.Fatal(err)
	}
	e := newEcho()
	e.Use(middleware.Sessions(m), middleware.CSRF(csrf))
	runs := map[string]int{}
	cached := middleware.CachePage(pages, time.Minute)
	e.GET("/hole", func(c echo.Context) error {
		runs["hole"]++
		res := c.Response()
		res.Header().Set("Content-Type", "text/html")
		var page live.Buffer
		if err := page.Put(c.Request().Context(), holes, "csrf"); err != nil {
			return err
		}
		return holes.Deliver(c.Request().Context(), res, &page)
	}, cached)
	e.GET("/plain", func(c echo.Context) error {
		runs["plain"]++
		token, err := csrf.Token(c.Request().Context())
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, token)
	}, cached)
	e.POST("/send", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	known := enter(t, m)
	for _, path := range []string{"/hole", "/plain"} {
		for _, cookies := range []map[string]string{{}, {}, {"session": known}, {}} {
			v := &visitor{t, e, cookies}
			for range 3 {
				if token := v.get(path); v.post("/send", url.Values{"csrf_token": {token}}) != 200 {
					t.Errorf("%s with %v: token %q is refused", path, cookies, token)
				}
			}
		}
	}
	if runs["hole"] > 4 || runs["plain"] != 12 {
		t.Errorf("runs %v: want the page with a hole once for who has a cookie", runs)
	}
	if n := store.writes.Load(); n != 1 {
		t.Errorf("%d writes, want that of the login", n)
	}
}

// enter logs somebody in and returns his token.
func enter(t *testing.T, m *session.Manager) string {
	t.Helper()
	ctx := m.Context(t.Context(), "")
	if err := m.Login(ctx, "ann"); err != nil {
		t.Fatal(err)
	}
	token, _, err := m.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
