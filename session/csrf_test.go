package session_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/session"
)

var keyOne, keyTwo = bytes.Repeat([]byte("1"), 32), bytes.Repeat([]byte("2"), 32)

func newCSRF(t testing.TB, m *session.Manager, keys ...[]byte) *session.CSRF {
	t.Helper()
	c, err := session.NewCSRF(session.CSRFConfig{Manager: m, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// under runs f in a request with these cookies, and returns those that it set.
func under(m *session.Manager, c *session.CSRF, cookies []*http.Cookie, f func(ctx context.Context)) []*http.Cookie {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f(c.Open(w, r, nil).Context())
	})).ServeHTTP(w, r)
	return w.Result().Cookies()
}

// form returns a token and the cookies that a visitor has after its page.
func form(t *testing.T, m *session.Manager, c *session.CSRF, cookies ...*http.Cookie) (string, []*http.Cookie) {
	t.Helper()
	var token string
	set := under(m, c, cookies, func(ctx context.Context) {
		var err error
		if token, err = c.Token(ctx); err != nil {
			t.Fatal(err)
		}
	})
	return token, append(cookies, set...)
}

func accepts(m *session.Manager, c *session.CSRF, token string, cookies []*http.Cookie) bool {
	var err error
	under(m, c, cookies, func(ctx context.Context) { err = c.Verify(ctx, token) })
	return err == nil
}

func sessionCookie(token string) *http.Cookie { return &http.Cookie{Name: "session", Value: token} }

func TestCSRFOfVisitorsWithoutSession(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Config{})
	c := newCSRF(t, m, keyOne)
	token, cookies := form(t, m, c)
	if len(cookies) != 1 || cookies[0].Name != "csrf" || !cookies[0].HttpOnly || cookies[0].Path != "/" || cookies[0].MaxAge != 0 {
		t.Fatalf("cookies %v", cookies)
	}
	if !regexp.MustCompile("^[A-Za-z0-9_-]{86}$").MatchString(token) {
		t.Errorf("token %q", token)
	}
	again, more := form(t, m, c, cookies...)
	if len(more) != 1 || again == token {
		t.Errorf("the same visitor: cookies %v, the same text: %v", more, again == token)
	}
	for range 2 { // and again
		if !accepts(m, c, token, cookies) || !accepts(m, c, again, cookies) {
			t.Error("his own tokens are refused")
		}
	}
	theirs, other := form(t, m, c)
	if accepts(m, c, theirs, cookies) || accepts(m, c, token, other) || accepts(m, c, token, nil) {
		t.Error("the token of another visitor is accepted")
	}
	forged := &http.Cookie{Name: "csrf", Value: strings.Repeat("A", 22) + "." + strings.Split(cookies[0].Value, ".")[1]}
	if accepts(m, c, token, []*http.Cookie{forged}) {
		t.Error("a forged cookie is accepted")
	}
	if !accepts(m, c, token, append([]*http.Cookie{forged}, cookies...)) {
		t.Error("a forged cookie hides the real one")
	}
	if store.writes.Load() != 0 {
		t.Errorf("%d writes: a form must not make a session", store.writes.Load())
	}
}

func TestCSRFOfSessions(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{})
	c := newCSRF(t, m, keyOne)
	visitor, cookies := form(t, m, c)
	anonymous := append(cookies, sessionCookie(start(t, m)))
	token, after := form(t, m, c, anonymous...)
	if len(after) != len(anonymous) {
		t.Errorf("cookies %v: who has a session needs none", after)
	}
	if !accepts(m, c, token, anonymous) {
		t.Error("his own token is refused")
	}
	if !accepts(m, c, visitor, anonymous) {
		t.Error("a form that he opened before he had a session is refused")
	}
	ann := append(cookies, sessionCookie(enter(t, m, "ann")))
	if accepts(m, c, visitor, ann) || accepts(m, c, token, ann) {
		t.Error("a token from before the login is accepted")
	}
	his, _ := form(t, m, c, ann...)
	if !accepts(m, c, his, ann) {
		t.Error("the token of a logged-in user is refused")
	}
	if bob := append(cookies, sessionCookie(enter(t, m, "bob"))); accepts(m, c, his, bob) || accepts(m, c, his, cookies) {
		t.Error("the token of another user is accepted")
	}
}

// TestCSRFAfterLogin: the page that answers a login has tokens of the new session.
func TestCSRFAfterLogin(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{})
	c := newCSRF(t, m, keyOne)
	var token string
	cookies := under(m, c, nil, func(ctx context.Context) {
		if err := m.Login(ctx, "ann"); err != nil {
			t.Error(err)
		}
		token, _ = c.Token(ctx)
	})
	if len(cookies) != 1 || !accepts(m, c, token, cookies) {
		t.Errorf("cookies %v: the token is refused", cookies)
	}
}

func TestCSRFKeysRotate(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{})
	before, during, later := newCSRF(t, m, keyOne), newCSRF(t, m, keyTwo, keyOne), newCSRF(t, m, keyTwo)
	user := []*http.Cookie{sessionCookie(enter(t, m, "ann"))}
	for name, cookies := range map[string][]*http.Cookie{"visitor": nil, "user": user} {
		old, have := form(t, m, before, cookies...)
		if !accepts(m, during, old, have) {
			t.Errorf("%s: a token of the old key is refused", name)
		}
		if accepts(m, later, old, have) {
			t.Errorf("%s: a token of a key that is gone is accepted", name)
		}
		fresh, have := form(t, m, during, have...)
		if !accepts(m, during, fresh, have) {
			t.Errorf("%s: a token of the new key is refused", name)
		}
		if name == "user" && !accepts(m, later, fresh, have) {
			t.Errorf("%s: a token of the new key is refused later", name)
		}
	}
}

func TestCSRFOutage(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Config{})
	c := newCSRF(t, m, keyOne)
	cookies := []*http.Cookie{sessionCookie(start(t, m))}
	token, _ := form(t, m, c, cookies...)
	store.failing.Store(true)
	var failed *session.StoreError
	under(m, c, cookies, func(ctx context.Context) {
		if _, err := c.Token(ctx); !errors.As(err, &failed) {
			t.Errorf("Token: %v, want a *StoreError", err)
		}
		if err := c.Verify(ctx, token); !errors.As(err, &failed) {
			t.Errorf("Verify: %v, want a *StoreError", err)
		}
	})
}

func TestCSRFTooLate(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{})
	c := newCSRF(t, m, keyOne)
	m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := c.Token(c.Open(w, r, func() bool { return true }).Context()); !errors.Is(err, session.ErrTooLate) {
			t.Errorf("Token: %v", err)
		}
		if _, err := c.Token(r.Context()); !errors.Is(err, session.ErrNoCSRF) {
			t.Errorf("Token outside of the middleware: %v", err)
		}
		if err := c.Verify(r.Context(), ""); !errors.Is(err, session.ErrNoCSRF) {
			t.Errorf("Verify outside of the middleware: %v", err)
		}
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}

func TestCSRFConfig(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{})
	for name, cfg := range map[string]session.CSRFConfig{
		"no manager":  {Keys: [][]byte{keyOne}},
		"no key":      {Manager: m},
		"short key":   {Manager: m, Keys: [][]byte{keyOne, []byte("short")}},
		"many keys":   {Manager: m, Keys: [][]byte{keyOne, keyOne, keyOne, keyOne, keyOne, keyOne, keyOne, keyOne, keyOne}},
		"cookie":      {Manager: m, Keys: [][]byte{keyOne}, CookieName: "a b"},
		"cookie host": {Manager: m, Keys: [][]byte{keyOne}, CookieName: "__Host-csrf"},
	} {
		if _, err := session.NewCSRF(cfg); err == nil || strings.Contains(err.Error(), "11111") {
			t.Errorf("%s: %v", name, err)
		}
	}
	secure, _ := newManager(t, session.Config{Cookie: session.Cookie{Name: "__Host-session", Secure: true}})
	if _, cookies := form(t, secure, newCSRF(t, secure, keyOne)); len(cookies) != 1 || cookies[0].Name != "__Host-csrf" || !cookies[0].Secure {
		t.Errorf("cookies %v", cookies)
	}
}

// FuzzCSRF: no text but that of a token is accepted, and none makes it panic.
func FuzzCSRF(f *testing.F) {
	m, _ := newManager(f, session.Config{})
	c := newCSRF(f, m, keyOne)
	f.Add("", "")
	f.Add(strings.Repeat("A", 86), "csrf="+strings.Repeat("A", 22)+"."+strings.Repeat("A", 43))
	f.Add("=", ";;csrf=.;csrf; csrf=\"a.b\"")
	f.Fuzz(func(t *testing.T, token, cookie string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header["Cookie"] = []string{cookie}
		m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := c.Verify(c.Open(w, r, nil).Context(), token); !errors.Is(err, session.ErrCSRF) {
				t.Errorf("Verify(%q) under %q: %v", token, cookie, err)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	})
}
