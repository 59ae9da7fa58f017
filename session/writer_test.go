package session_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/session"
)

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestLoadAndSave: the net/http middleware, in all ways to answer.
func TestLoadAndSave(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	put := func(r *http.Request) { m.Put(r.Context(), "k", "v") }
	tests := map[string]struct {
		handler http.HandlerFunc
		status  int
		body    string
		cookies int
		writes  int64
	}{
		"untouched": {func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "ok") }, 200, "ok", 0, 0},
		"nothing":   {func(w http.ResponseWriter, r *http.Request) { put(r) }, 200, "", 1, 1},
		"body":      {func(w http.ResponseWriter, r *http.Request) { put(r); _, _ = io.WriteString(w, "ok") }, 200, "ok", 1, 1},
		"status":    {func(w http.ResponseWriter, r *http.Request) { put(r); w.WriteHeader(404) }, 404, "", 1, 1},
		"redirect":  {func(w http.ResponseWriter, r *http.Request) { put(r); http.Redirect(w, r, "/x", http.StatusSeeOther) }, 303, "<a href=\"/x\">See Other</a>.\n\n", 1, 1},
		"flush": {func(w http.ResponseWriter, r *http.Request) {
			put(r)
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "ok")
		}, 200, "ok", 1, 1},
		"by hand": {func(w http.ResponseWriter, r *http.Request) {
			put(r)
			token, expiry, err := m.Commit(r.Context())
			if err != nil {
				t.Error(err)
			}
			m.WriteSessionCookie(r.Context(), w, token, expiry)
		}, 200, "", 1, 2},
	}
	for name, test := range tests {
		p.writes.Store(0)
		got := ask(m, "", test.handler)
		if text := body(t, got); got.StatusCode != test.status || text != test.body || len(got.Cookies()) != test.cookies || p.writes.Load() != test.writes {
			t.Errorf("%s: %d %q, cookies %v, %d writes", name, got.StatusCode, text, got.Cookies(), p.writes.Load())
		}
	}
}

// TestCookie: what the cookie looks like, and when it is sent.
func TestCookie(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{Lifetime: time.Hour, IdleTimeout: time.Minute, Cookie: session.Cookie{
		Name: "__Host-session", Secure: true, SameSite: http.SameSiteStrictMode, Partitioned: true, UntilBrowserCloses: true,
	}})
	first := ask(m, "", func(_ http.ResponseWriter, r *http.Request) { m.Put(r.Context(), "k", 1) })
	c := first.Cookies()[0]
	if c.Name != "__Host-session" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteStrictMode || !c.Partitioned {
		t.Errorf("%v", c)
	}
	if c.MaxAge != 0 || !c.Expires.IsZero() {
		t.Errorf("the cookie outlives the browser: %v", c)
	}
	same := ask(m, c.Value, func(_ http.ResponseWriter, r *http.Request) { m.Put(r.Context(), "k", 2) })
	if cookies := same.Cookies(); len(cookies) != 0 {
		t.Errorf("a change: %v, want none: the client has it", cookies)
	}
	read := ask(m, c.Value, func(_ http.ResponseWriter, r *http.Request) { m.GetString(r.Context(), "k") })
	if len(read.Cookies()) != 0 {
		t.Errorf("a read: %v", read.Cookies())
	}
	remembered := ask(m, c.Value, func(_ http.ResponseWriter, r *http.Request) { m.RememberMe(r.Context(), true) })
	if cookies := remembered.Cookies(); len(cookies) != 1 || cookies[0].Value != c.Value || cookies[0].MaxAge < 3590 {
		t.Errorf("RememberMe: %v: the cookie has to last until the deadline, whatever the idle timeout", cookies)
	}
	forgotten := ask(m, c.Value, func(_ http.ResponseWriter, r *http.Request) { m.RememberMe(r.Context(), false) })
	if cookies := forgotten.Cookies(); len(cookies) != 1 || cookies[0].MaxAge != 0 {
		t.Errorf("RememberMe(false): %v", cookies)
	}
	longer := ask(m, c.Value, func(_ http.ResponseWriter, r *http.Request) { m.SetDeadline(r.Context(), time.Now().Add(2*time.Hour)) })
	if len(longer.Cookies()) != 1 {
		t.Errorf("a new deadline: %v", longer.Cookies())
	}
	out := ask(m, c.Value, func(_ http.ResponseWriter, r *http.Request) { _ = m.Destroy(r.Context()) })
	if cookies := out.Cookies(); len(cookies) != 1 || cookies[0].MaxAge >= 0 || cookies[0].Value != "" || !cookies[0].Secure {
		t.Errorf("destroyed: %v", cookies)
	}
}

// TestLogoutWithMessage: what is put after a logout is a new session.
func TestLogoutWithMessage(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	token := start(t, m)
	got := ask(m, token, func(_ http.ResponseWriter, r *http.Request) {
		if err := m.Logout(r.Context()); err != nil {
			t.Error(err)
		}
		m.Put(r.Context(), "flash", "bye")
	})
	cookies := got.Cookies()
	if len(cookies) != 1 || cookies[0].Value == token || cookies[0].Value == "" {
		t.Fatalf("cookies %v", cookies)
	}
	if _, found, _ := p.Store.Fetch(t.Context(), token); found {
		t.Error("the old session is there")
	}
	ask(m, cookies[0].Value, func(_ http.ResponseWriter, r *http.Request) {
		if m.PopString(r.Context(), "flash") != "bye" || m.Exists(r.Context(), "k") {
			t.Error("the new session is not what it should be")
		}
	})
}

// TestRenewedAndEmpty: a session that was emptied and renewed leaves no row. The
// cookie stays, although its token is dead: to delete it could delete that of a
// login in parallel.
func TestRenewedAndEmpty(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	token := start(t, m)
	got := ask(m, token, func(_ http.ResponseWriter, r *http.Request) {
		if err := errors.Join(m.Clear(r.Context()), m.RenewToken(r.Context())); err != nil {
			t.Error(err)
		}
	})
	if cookies := got.Cookies(); len(cookies) != 0 || p.writes.Load() != 2 {
		t.Errorf("cookies %v, %d writes", cookies, p.writes.Load())
	}
}

// TestOutage: neither the handler's header nor its body get out, the app's
// ErrorFunc decides what does.
func TestOutage(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	token := start(t, m)
	p.failing.Store(true)
	handlers := map[string]http.HandlerFunc{
		"read": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Private", "1")
			_, _ = io.WriteString(w, "private"+m.GetString(r.Context(), "k"))
		},
		"preloaded": func(w http.ResponseWriter, r *http.Request) {
			if m.Preload(r.Context()) == nil {
				t.Error("Preload succeeds")
			}
			_, _ = io.WriteString(w, "private"+m.GetString(r.Context(), "k"))
		},
		"recovered by the handler": func(w http.ResponseWriter, r *http.Request) {
			func() {
				defer func() { _ = recover() }()
				m.GetString(r.Context(), "k")
			}()
			_, _ = io.WriteString(w, "private")
		},
	}
	for name, h := range handlers {
		got := ask(m, token, h)
		if text := body(t, got); got.StatusCode != 503 || text != "Service Unavailable\n" || got.Header.Get("X-Private") != "" || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Retry-After") != "1" {
			t.Errorf("%s: %d %q %v", name, got.StatusCode, text, got.Header)
		}
	}
}

func TestErrorFunc(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	m.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		if !errors.Is(err, errAway) {
			t.Errorf("ErrorFunc gets %v", err)
		}
		http.Error(w, "styled", http.StatusBadGateway)
	}
	p.failing.Store(true)
	got := ask(m, "", func(w http.ResponseWriter, r *http.Request) { m.Put(r.Context(), "k", 1) })
	if text := body(t, got); got.StatusCode != 502 || text != "styled\n" || len(got.Cookies()) != 0 {
		t.Errorf("%d %q %v", got.StatusCode, text, got.Cookies())
	}
}

// TestTooLargeIsNotAnOutage: what the app did wrong is 500, and no Retry-After.
func TestTooLargeIsNotAnOutage(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{MaxBytes: 100})
	got := ask(m, "", func(w http.ResponseWriter, r *http.Request) {
		m.Put(r.Context(), "k", strings.Repeat("x", 200))
		_, _ = io.WriteString(w, "saved")
	})
	if text := body(t, got); got.StatusCode != 500 || strings.Contains(text, "saved") || got.Header.Get("Retry-After") != "" {
		t.Errorf("%d %q %v", got.StatusCode, text, got.Header)
	}
}

// TestPanicsPass: only the panic of a failed store becomes an answer.
func TestPanicsPass(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	defer func() {
		if got := recover(); got != http.ErrAbortHandler {
			t.Errorf("the panic is %v", got)
		}
		if p.writes.Load() != 0 {
			t.Error("the session was saved")
		}
	}()
	ask(m, "", func(_ http.ResponseWriter, r *http.Request) {
		m.Put(r.Context(), "k", 1)
		panic(http.ErrAbortHandler)
	})
}

// TestAfterTheHeader: changes after the header are saved if the client has the
// token, once, and else logged.
func TestAfterTheHeader(t *testing.T) {
	t.Parallel()
	log, logger := newLog()
	m, p := newManager(t, session.Config{Logger: logger})
	token := start(t, m)
	p.writes.Store(0)
	ask(m, token, func(w http.ResponseWriter, r *http.Request) {
		m.Put(r.Context(), "k", "first")
		w.WriteHeader(200)
		m.GetString(r.Context(), "k") // a read is no reason to write again
	})
	if p.writes.Load() != 1 {
		t.Errorf("%d writes, want 1", p.writes.Load())
	}
	ask(m, token, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		m.Put(r.Context(), "k", "late")
	})
	if got := m.GetString(m.Context(t.Context(), token), "k"); got != "late" {
		t.Errorf("a late change is lost: %q", got)
	}
	if log.String() != "" {
		t.Errorf("the log says %s", log)
	}
	for name, late := range map[string]http.HandlerFunc{
		"new":     func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); m.Put(r.Context(), "k", 1) },
		"renewed": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); _ = m.RenewToken(r.Context()) },
	} {
		before := len(log.String())
		presented := ""
		if name == "renewed" {
			presented = token
		}
		if got := ask(m, presented, late); len(got.Cookies()) != 0 || len(log.String()) == before {
			t.Errorf("%s: cookies %v, log %s", name, got.Cookies(), log)
		}
	}
}

// TestClientGone: a session is saved although the client has hung up.
func TestClientGone(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		m.Put(r.Context(), "k", 1)
		cancel()
	})).ServeHTTP(httptest.NewRecorder(), r)
	if p.writes.Load() != 1 {
		t.Errorf("%d writes", p.writes.Load())
	}
}

// TestKeepAliveFails: an answer that was only read is right although the expiry
// could not be moved.
func TestKeepAliveFails(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{IdleTimeout: time.Hour})
	token := start(t, m)
	if _, err := p.Store.Update(t.Context(), token, session.Record{Expiry: time.Now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	got := ask(m, token, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, m.GetString(r.Context(), "k"))
		p.failing.Store(true)
	})
	if text := body(t, got); got.StatusCode != 200 || text != "v" {
		t.Errorf("%d %q", got.StatusCode, text)
	}
}

// TestOutageLog: an outage is one line a second, without tokens.
func TestOutageLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, logger := newLog()
		m, p := newManager(t, session.Config{Logger: logger})
		p.failing.Store(true)
		read := func() {
			ask(m, unknown, func(_ http.ResponseWriter, r *http.Request) { m.GetString(r.Context(), "k") })
		}
		for range 100 {
			read()
		}
		time.Sleep(2 * time.Second) // of the bubble's clock
		read()
		if text := log.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "unlogged=99") || strings.Contains(text, unknown) {
			t.Errorf("the log says %s", text)
		}
	})
}

// TestNested: LoadAndSave under LoadAndSave is one session and one cookie.
func TestNested(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	inner := m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { m.Put(r.Context(), "k", 1) }))
	got := ask(m, "", inner.ServeHTTP)
	if len(got.Cookies()) != 1 || p.writes.Load() != 1 {
		t.Errorf("cookies %v, %d writes", got.Cookies(), p.writes.Load())
	}
}
