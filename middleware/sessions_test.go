package middleware_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/session"
)

// TestSessionsAnswers: every way to answer, in every order of middlewares, has
// one commit and one cookie.
func TestSessionsAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path    string
		method  string
		token   string // "" none, "known"
		status  int
		body    string // empty: not compared
		fetches int64
		writes  int64
		cookies int
		public  bool // the session was not touched
		early   []int
	}{
		"untouched":               {path: "/none", status: 200, body: "ok", public: true},
		"untouched, known":        {path: "/none", token: "known", status: 200, body: "ok", public: true},
		"read, no cookie":         {path: "/read", status: 200, body: "user="},
		"read, unknown token":     {path: "/read", token: unknownToken, status: 200, body: "user=", fetches: 1},
		"read, known":             {path: "/read", token: "known", status: 200, body: "user=v", fetches: 1},
		"put":                     {path: "/put", token: unknownToken, status: 200, body: "ok", fetches: 1, writes: 1, cookies: 1},
		"put, known":              {path: "/put", token: "known", status: 200, body: "ok", fetches: 1, writes: 1},
		"put, long":               {path: "/put-long", status: 200, body: long, writes: 1, cookies: 1},
		"put, HEAD":               {path: "/put", method: "HEAD", status: 200, writes: 1, cookies: 1},
		"put, POST":               {path: "/put", method: "POST", status: 200, body: "ok", writes: 1, cookies: 1},
		"put, nothing written":    {path: "/put-nobody", status: 200, writes: 1, cookies: 1},
		"put, error":              {path: "/put-error", token: unknownToken, status: 422, body: `{"message":"bad"}` + "\n", fetches: 1, writes: 1, cookies: 1},
		"put, error, HEAD":        {path: "/put-error", method: "HEAD", status: 422, writes: 1, cookies: 1},
		"put, panic":              {path: "/put-panic", status: 500, writes: 1, cookies: 1},
		"put, redirect":           {path: "/put-redirect", status: 303, writes: 1, cookies: 1},
		"put, no content":         {path: "/put-204", status: 204, writes: 1, cookies: 1},
		"put, flush":              {path: "/put-flush", status: 200, body: "data", writes: 1, cookies: 1},
		"put, controller flush":   {path: "/put-flush-rc", status: 200, body: "data", writes: 1, cookies: 1},
		"put, stream":             {path: "/put-stream", status: 200, body: "tick tick tick ", writes: 1, cookies: 1},
		"put after the header":    {path: "/put-after", status: 200, body: "ok"},
		"put after, known":        {path: "/put-after", token: "known", status: 200, body: "ok", fetches: 1, writes: 1},
		"renewed, error":          {path: "/renew-error", token: "known", status: 500, fetches: 1, writes: 2, cookies: 1},
		"destroyed":               {path: "/destroy", token: "known", status: 204, fetches: 1, writes: 1, cookies: 1},
		"destroyed, unknown":      {path: "/destroy", token: unknownToken, status: 204, fetches: 1},
		"template":                {path: "/template", token: "known", status: 200, body: "<p>v</p>", fetches: 1},
		"renewal of an ended one": {path: "/gone", token: "known", status: 409, fetches: 1, writes: 2},
	}
	for order, chain := range orders {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, chain)
			for name, test := range tests {
				token := test.token
				if token == "known" {
					token = s.token(t)
				}
				s.store.fetches.Store(0)
				s.store.writes.Store(0)
				got := s.ask(t, max(test.method, "GET"), test.path, token)
				if got.StatusCode != test.status || (test.body != "" && got.body != test.body) {
					t.Errorf("%s: %d %.60q, want %d %.60q", name, got.StatusCode, got.body, test.status, test.body)
				}
				if f, w := s.store.fetches.Load(), s.store.writes.Load(); f != test.fetches || w != test.writes {
					t.Errorf("%s: %d fetches and %d writes, want %d and %d", name, f, w, test.fetches, test.writes)
				}
				if n := len(got.Cookies()); n != test.cookies {
					t.Errorf("%s: cookies %v, want %d", name, got.Cookies(), test.cookies)
				}
				private := strings.Contains(got.Header.Get("Cache-Control"), "private")
				vary := slices.Contains(got.Header.Values("Vary"), "Cookie")
				if private == test.public || vary == test.public {
					t.Errorf("%s: Cache-Control %q, Vary %q", name, got.Header["Cache-Control"], got.Header["Vary"])
				}
			}
			early := s.ask(t, "GET", "/put-103", "")
			want := []int{103}
			if strings.Contains(order, "Gzip") {
				want = nil // Gzip keeps it back
			}
			if !slices.Equal(early.early, want) || early.StatusCode != 200 || len(early.Cookies()) != 1 {
				t.Errorf("103: %v, then %d with cookies %v", early.early, early.StatusCode, early.Cookies())
			}
			s.store.writes.Store(0)
			hijacked := s.ask(t, "GET", "/put-hijack", "")
			if hijacked.body != "hi" || hijacked.Header.Get("X-Hijacked") != "1" || s.store.writes.Load() != 1 {
				t.Errorf("hijacked: %q %v, %d writes", hijacked.body, hijacked.Header, s.store.writes.Load())
			}
		})
	}
}

// TestSessionsOutage: when the store fails, who touched the session gets 503 and
// nothing of what the handler wrote or set; who did not is served.
func TestSessionsOutage(t *testing.T) {
	t.Parallel()
	type outage struct {
		path, method string
		reading      bool // reading fails, else writing
		status       int
		body         string // empty: not compared
	}
	tests := map[string]outage{
		"untouched":              {path: "/none", reading: true, status: 200, body: "ok"},
		"read":                   {path: "/read", reading: true, status: 503},
		"read, HEAD":             {path: "/read", method: "HEAD", reading: true, status: 503},
		"read in a template":     {path: "/template", reading: true, status: 503},
		"read by a tolerant one": {path: "/tolerant", reading: true, status: 200, body: "anonymous"},
		"write, cannot load":     {path: "/put", reading: true, status: 503},
		"write":                  {path: "/put", status: 503},
		"write, long":            {path: "/put-long", status: 503},
		"write, nothing written": {path: "/put-nobody", status: 503},
		"write, flush":           {path: "/put-flush", status: 503},
		"write, stream":          {path: "/put-stream", status: 503},
		"write, redirect":        {path: "/put-redirect", status: 503},
		"write, error":           {path: "/put-error", status: 503},
		"write, panic":           {path: "/put-panic", status: 503},
		"write, hijack":          {path: "/put-hijack", status: 503},
		"destroy":                {path: "/destroy", status: 503},
		"renew":                  {path: "/renew-error", status: 503},
		"read only":              {path: "/read", status: 200, body: "user=v"},
	}
	for order, chain := range orders {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, chain)
			token := s.token(t)
			for name, test := range tests {
				s.store.failFetch.Store(test.reading)
				s.store.failWriting.Store(!test.reading)
				got := s.ask(t, max(test.method, "GET"), test.path, token)
				if got.StatusCode != test.status || (test.body != "" && got.body != test.body) {
					t.Errorf("%s: %d %.60q, want %d %.60q", name, got.StatusCode, got.body, test.status, test.body)
				}
				if test.status == 503 {
					checkOutage(t, name, got)
				}
				if len(got.Cookies()) != 0 {
					t.Errorf("%s: cookies %v", name, got.Cookies())
				}
			}
			s.store.failFetch.Store(false)
			s.store.failWriting.Store(false)
			if got := s.ask(t, "GET", "/read", token); got.body != "user=v" {
				t.Errorf("afterwards: %d %q: the session is not what it was", got.StatusCode, got.body)
			}
			if strings.Contains(s.log.String(), token) {
				t.Error("the token is in the log")
			}
			if strings.Contains(s.log.String(), "superfluous") {
				t.Errorf("a header was written twice: %s", s.log)
			}
		})
	}
}

func checkOutage(t *testing.T, name string, got reply) {
	t.Helper()
	if got.Header.Get("Retry-After") == "" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: Retry-After %q, Cache-Control %q", name, got.Header["Retry-After"], got.Header["Cache-Control"])
	}
	if got.Header.Get("X-Private") != "" || got.Header.Get("Location") != "" {
		t.Errorf("%s: the handler's header got out: %v", name, got.Header)
	}
	if strings.Contains(got.body, "ok") || strings.Contains(got.body, "data") || strings.Contains(got.body, "motivation") || strings.Contains(got.body, errAway.Error()) {
		t.Errorf("%s: the body says %.80q", name, got.body)
	}
}

// TestSessionsOutageKeepsOuterHeader: what was set outside of Sessions stays.
func TestSessionsOutageKeepsOuterHeader(t *testing.T) {
	t.Parallel()
	s := newSite(t, orders["Recover RequestID Secure"])
	s.store.failWriting.Store(true)
	got := s.ask(t, "GET", "/put", "")
	if got.StatusCode != 503 || got.Header.Get("X-Request-Id") == "" || got.Header.Get("X-Frame-Options") == "" {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
}

// TestSessionsErrorPageOfTheApp: the app's own error handler answers an outage,
// and if it touches the session too, there is an answer all the same.
func TestSessionsErrorPageOfTheApp(t *testing.T) {
	t.Parallel()
	m, store := newSessions(t, session.Config{})
	e := newEcho()
	var touches atomic.Bool
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if touches.Load() {
			m.GetString(c.Request().Context(), "k")
		}
		var he *echo.HTTPError
		if errors.As(err, &he) {
			_ = c.HTML(he.Code, "<h1>a styled page</h1>")
		}
	}
	var seen atomic.Int64
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			seen.Store(int64(c.Response().Status))
			return err
		}
	}, middleware.Sessions(m))
	e.GET("/", func(c echo.Context) error { return c.String(200, m.GetString(c.Request().Context(), "k")) })
	store.failFetch.Store(true)

	got := get(e, "/", "Cookie", "session="+unknownToken)
	if body := text(t, got); got.StatusCode != 503 || body != "<h1>a styled page</h1>" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", got.StatusCode, body, got.Header)
	}
	touches.Store(true)
	got = get(e, "/", "Cookie", "session="+unknownToken)
	if body := text(t, got); got.StatusCode != 503 || strings.Contains(body, "styled") || got.Header.Get("Retry-After") == "" {
		t.Errorf("%d %q %v", got.StatusCode, body, got.Header)
	}
	if seen.Load() != 503 {
		t.Errorf("outer middleware sees status %d", seen.Load())
	}
}

// TestSessionsCacheControl: an answer that used the session never stays public,
// and what is stricter stays.
func TestSessionsCacheControl(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ set, want string }{
		"none":       {"", "private, no-cache"},
		"public":     {"public, max-age=60", "private, max-age=60"},
		"shared age": {"max-age=60, s-maxage=600", "private, max-age=60"},
		"private":    {"private, max-age=5", "private, max-age=5"},
		"no-store":   {"no-store", "no-store"},
	}
	m, _ := newSessions(t, session.Config{})
	e := newEcho()
	e.Use(middleware.Sessions(m))
	for name, test := range tests {
		e.GET("/"+strings.ReplaceAll(name, " ", "-"), func(c echo.Context) error {
			if test.set != "" {
				c.Response().Header().Set("Cache-Control", test.set)
			}
			c.Response().Header().Set("CDN-Cache-Control", "max-age=600")
			c.Response().Header().Set("Vary", "Accept, COOKIE")
			m.GetString(c.Request().Context(), "k")
			return c.String(200, "ok")
		})
		got := get(e, "/"+strings.ReplaceAll(name, " ", "-"))
		if cc := got.Header["Cache-Control"]; len(cc) != 1 || cc[0] != test.want {
			t.Errorf("%s: Cache-Control %q, want %q", name, cc, test.want)
		}
		if got.Header.Get("Cdn-Cache-Control") != "" || len(got.Header["Vary"]) != 1 {
			t.Errorf("%s: %v", name, got.Header)
		}
	}
}

// TestSessionsPanics: what cannot work is said at start.
func TestSessionsPanics(t *testing.T) {
	t.Parallel()
	broken, _ := newSessions(t, session.Config{})
	broken.Cookie.Name = "__Host-session" // not Secure
	for name, m := range map[string]*session.Manager{"no manager": nil, "broken manager": broken} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: Sessions does not panic", name)
				}
			}()
			middleware.Sessions(m)
		}()
	}
}

// TestSessionsSkipper: a skipped request has no session.
func TestSessionsSkipper(t *testing.T) {
	t.Parallel()
	m, _ := newSessions(t, session.Config{})
	e := newEcho()
	e.Use(middleware.SessionsWithConfig(middleware.SessionsConfig{Manager: m, Skipper: func(echo.Context) bool { return true }}))
	e.GET("/", func(c echo.Context) error {
		if err := m.Preload(c.Request().Context()); !errors.Is(err, session.ErrUnmanaged) {
			t.Errorf("Preload: %v", err)
		}
		return c.NoContent(204)
	})
	if got := get(e, "/"); got.StatusCode != 204 {
		t.Errorf("status %d", got.StatusCode)
	}
}
