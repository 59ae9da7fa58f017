package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/session"
)

func loginSite(t testing.TB) (*echo.Echo, *flakyStore) {
	t.Helper()
	m, store := newSessions(t, session.Config{})
	e := newEcho()
	e.Use(echomw.Recover(), middleware.Sessions(m))
	e.POST("/login", func(c echo.Context) error {
		if err := m.Login(c.Request().Context(), c.FormValue("user")); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, middleware.Next(c, "/"))
	})
	e.POST("/logout", func(c echo.Context) error {
		if err := m.Logout(c.Request().Context()); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/")
	})
	e.Match([]string{"GET", "POST"}, "/private", func(c echo.Context) error {
		return c.String(200, "hello "+m.UserID(c.Request().Context()))
	}, middleware.RequireLogin(m, "/login"))
	return e, store
}

// send sends a request with cookies and a form and returns the response.
func send(e *echo.Echo, method, target string, form url.Values, cookies ...*http.Cookie) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, cookie := range cookies {
		if cookie.MaxAge >= 0 {
			r.AddCookie(cookie)
		}
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Result()
}

func TestRequireLogin(t *testing.T) {
	t.Parallel()
	e, store := loginSite(t)

	anonymous := get(e, "/private?tab=2&q=a%20b")
	location := anonymous.Header.Get("Location")
	if anonymous.StatusCode != 303 || location != "/login?next=%2Fprivate%3Ftab%3D2%26q%3Da%2520b" {
		t.Fatalf("anonymous: %d to %q", anonymous.StatusCode, location)
	}
	if anonymous.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("the redirect can be cached: %v", anonymous.Header)
	}
	if posted := send(e, "POST", "/private", nil); posted.StatusCode != 303 || posted.Header.Get("Location") != "/login" {
		t.Errorf("anonymous POST: %d to %q", posted.StatusCode, posted.Header.Get("Location"))
	}

	target, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	in := send(e, "POST", "/login", url.Values{"user": {"ann"}, "next": {target.Query().Get("next")}})
	if in.StatusCode != 303 || in.Header.Get("Location") != "/private?tab=2&q=a%20b" || len(in.Cookies()) != 1 {
		t.Fatalf("login: %d to %q, cookies %v", in.StatusCode, in.Header.Get("Location"), in.Cookies())
	}
	if got := send(e, "GET", "/private", nil, in.Cookies()...); text(t, got) != "hello ann" {
		t.Errorf("logged in: %d", got.StatusCode)
	}
	out := send(e, "POST", "/logout", nil, in.Cookies()...)
	if cookies := out.Cookies(); len(cookies) != 1 || cookies[0].MaxAge >= 0 {
		t.Errorf("logout: cookies %v", cookies)
	}
	if got := send(e, "GET", "/private", nil, in.Cookies()...); got.StatusCode != 303 {
		t.Errorf("after logout the old cookie opens the page: %d", got.StatusCode)
	}

	store.failFetch.Store(true)
	if got := send(e, "GET", "/private", nil, in.Cookies()...); got.StatusCode != 503 || got.Header.Get("Location") != "" {
		t.Errorf("store failed: %d to %q, want 503", got.StatusCode, got.Header.Get("Location"))
	}
}

func TestRequireLoginRefusesForeignLoginURL(t *testing.T) {
	t.Parallel()
	m, _ := newSessions(t, session.Config{})
	for _, bad := range []string{"", "login", "//evil.test/login", "https://evil.test/login"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("RequireLogin(m, %q) does not panic", bad)
				}
			}()
			middleware.RequireLogin(m, bad)
		}()
	}
}

var nextSeeds = []string{
	"/", "/a/b?c=d#e", "//evil.test", "/\\evil.test", "\\/evil.test", "/\t/evil.test", "\t//evil.test", "/\n/evil.test",
	"https://evil.test", "javascript:alert(1)", "/%5cevil.test", "/.//evil.test", "/..//evil.test", "///evil.test", "/@evil.test", "",
	"http:///evil.test", "/a b", "/é", "/\x00", "?x", "evil.test", "/:80", "/%zz",
}

func TestNext(t *testing.T) {
	t.Parallel()
	safe := map[string]bool{"/": true, "/a/b?c=d#e": true, "/%5cevil.test": true, "/.//evil.test": true, "/..//evil.test": true, "/@evil.test": true, "/é": true, "/:80": true}
	for _, next := range nextSeeds {
		want := "/home"
		if safe[next] {
			want = next
		}
		if got := nextOf(next); got != want {
			t.Errorf("next=%q: %q, want %q", next, got, want)
		}
	}
}

func nextOf(value string) string {
	r := httptest.NewRequest(http.MethodGet, "/login?"+url.Values{"next": {value}}.Encode(), nil)
	return middleware.Next(newEcho().NewContext(r, httptest.NewRecorder()), "/home")
}

// FuzzNext: what Next returns is on the same site, as browsers resolve it: they
// take backslashes for slashes and drop tabs and line breaks.
func FuzzNext(f *testing.F) {
	for _, seed := range nextSeeds {
		f.Add(seed)
	}
	base := &url.URL{Scheme: "https", Host: "site.test", Path: "/login"}
	f.Fuzz(func(t *testing.T, value string) {
		next := nextOf(value)
		browser := strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(strings.TrimLeft(next, "\x00\x01\x1f "))
		if strings.HasPrefix(browser, "//") || !strings.HasPrefix(browser, "/") {
			t.Fatalf("next=%q leads a browser to %q", value, browser)
		}
		u, err := base.Parse(browser)
		if err != nil || u.Host != "site.test" || u.Scheme != "https" {
			t.Fatalf("next=%q leads to %v, %v", value, u, err)
		}
	})
}
