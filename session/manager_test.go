package session_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/mockstore"

	"github.com/echoic-go/echoic/session"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit func(*session.Config)
		want string // part of the error; empty: none
	}{
		"zero values":        {func(*session.Config) {}, ""},
		"no store":           {func(c *session.Config) { c.Store = nil }, "Config.Store is nil"},
		"negative lifetime":  {func(c *session.Config) { c.Lifetime = -1 }, "Lifetime is -1ns"},
		"negative idle":      {func(c *session.Config) { c.IdleTimeout = -1 }, "IdleTimeout is -1ns"},
		"negative size":      {func(c *session.Config) { c.MaxBytes = -1 }, "MaxBytes is -1"},
		"negative timeout":   {func(c *session.Config) { c.Timeout = -1 }, "Timeout is -1ns"},
		"production cookie":  {func(c *session.Config) { c.Cookie = session.Cookie{Name: "__Host-session", Secure: true} }, ""},
		"host, not secure":   {func(c *session.Config) { c.Cookie = session.Cookie{Name: "__Host-session"} }, `"__Host-session" needs Secure`},
		"host, other case":   {func(c *session.Config) { c.Cookie = session.Cookie{Name: "__HOST-session"} }, "needs Secure"},
		"host, path":         {func(c *session.Config) { c.Cookie = session.Cookie{Name: "__Host-s", Secure: true, Path: "/app"} }, `path "/"`},
		"host, domain":       {func(c *session.Config) { c.Cookie = session.Cookie{Name: "__Host-s", Secure: true, Domain: "a.test"} }, "no domain"},
		"secure, not secure": {func(c *session.Config) { c.Cookie = session.Cookie{Name: "__Secure-s"} }, "__Secure-"},
		"none, not secure":   {func(c *session.Config) { c.Cookie = session.Cookie{SameSite: http.SameSiteNoneMode} }, "SameSite=None needs Secure"},
		"bad name":           {func(c *session.Config) { c.Cookie = session.Cookie{Name: "a b"} }, `cookie "a b" would not be sent`},
		"partitioned":        {func(c *session.Config) { c.Cookie = session.Cookie{Partitioned: true} }, "would not be sent"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := session.Config{Store: newProbe(t)}
			test.edit(&cfg)
			_, err := session.New(cfg)
			if (test.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("New: %v, want %q", err, test.want)
			}
		})
	}
}

// TestFrozen: fields can be set as in any scs application, until the first
// request.
func TestFrozen(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{})
	m.Lifetime = time.Minute
	m.Cookie.Name = "sid"
	put := func(w http.ResponseWriter, r *http.Request) { m.Put(r.Context(), "k", "v") }
	first := ask(m, "", put).Cookies()
	if len(first) != 1 || first[0].Name != "sid" || first[0].MaxAge > 61 {
		t.Fatalf("cookies %v", first)
	}
	m.Lifetime = time.Hour
	m.Cookie.Name = "other"
	m.Store = &mockstore.MockStore{} // panics when it is called
	m.Codec = scs.GobCodec{}
	second := ask(m, "", put).Cookies()
	if len(second) != 1 || second[0].Name != "sid" || second[0].MaxAge > 61 {
		t.Errorf("fields that were changed after the first request have an effect: %v", second)
	}
}

func TestFieldsThatDoNotFit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit func(*session.Manager)
		want string
	}{
		"cookie":   {func(m *session.Manager) { m.Cookie.Name = "__Host-x" }, "needs Secure"},
		"lifetime": {func(m *session.Manager) { m.Lifetime = 0 }, "Lifetime is 0s"},
		"codec":    {func(m *session.Manager) { m.Codec = nil }, "Codec is nil"},
		"blind":    {func(m *session.Manager) { m.Store = &mockstore.MockStore{} }, "Commit overwrites blindly"},
		"no store": {func(m *session.Manager) { m.Store = nil }, "Store <nil>"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, p := newManager(t, session.Config{})
			test.edit(m)
			if err := m.Check(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Check: %v, want %q", err, test.want)
			}
			got := ask(m, unknown, func(w http.ResponseWriter, r *http.Request) { m.GetString(r.Context(), "k") })
			if got.StatusCode != http.StatusServiceUnavailable || p.fetches.Load() != 0 {
				t.Errorf("a request gets %d after %d fetches", got.StatusCode, p.fetches.Load())
			}
		})
	}
	m, _ := newManager(t, session.Config{})
	other, _ := newManager(t, session.Config{})
	m.Store = other.Store
	if err := m.Check(); err == nil {
		t.Error("the store of another manager is accepted")
	}
}

// TestHashTokenInStore: the field of scs is honoured, for tokens that were
// checked before they were hashed.
func TestHashTokenInStore(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	m.HashTokenInStore = true
	token := start(t, m)
	if _, found, _ := p.Store.Fetch(t.Context(), token); found {
		t.Error("the token itself is in the store")
	}
	ask(m, token, func(w http.ResponseWriter, r *http.Request) {
		if m.GetString(r.Context(), "k") != "v" {
			t.Error("the session is not found")
		}
	})
	ask(m, "malformed", func(w http.ResponseWriter, r *http.Request) { m.GetString(r.Context(), "k") })
	if p.fetches.Load() != 1 {
		t.Errorf("%d fetches, want 1: a malformed token reached the store", p.fetches.Load())
	}
}

// TestUnmanaged: what the embedded manager loads by itself cannot be saved.
func TestUnmanaged(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{IdleTimeout: someTime})
	token := start(t, m)
	p.writes.Store(0)
	ctx, err := m.SessionManager.Load(t.Context(), token)
	if err != nil || m.GetString(ctx, "k") != "v" {
		t.Fatalf("the embedded Load: %v", err)
	}
	m.Put(ctx, "k", "w")
	if _, _, err := m.SessionManager.Commit(ctx); !errors.Is(err, session.ErrUnmanaged) {
		t.Errorf("the embedded Commit: %v, want ErrUnmanaged", err)
	}
	for name, err := range map[string]error{
		"Commit":       func() error { _, _, err := m.Commit(ctx); return err }(),
		"Destroy":      m.Destroy(ctx),
		"RenewToken":   m.RenewToken(ctx),
		"MergeSession": m.MergeSession(ctx, unknown),
		"Preload":      m.Preload(context.Background()),
		"Login":        m.Login(ctx, "ann"),
		"Store.Commit": m.Store.Commit(token, []byte("x"), time.Now().Add(time.Hour)),
	} {
		if !errors.Is(err, session.ErrUnmanaged) {
			t.Errorf("%s: %v, want ErrUnmanaged", name, err)
		}
	}
	if p.writes.Load() != 0 {
		t.Errorf("%d writes", p.writes.Load())
	}
}

// TestEmbeddedStore: what scs calls the store works where nothing can go wrong.
func TestEmbeddedStore(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{})
	token := start(t, m)
	if _, found, err := m.Store.Find(token); !found || err != nil {
		t.Errorf("Find: %v, %v", found, err)
	}
	if _, found, err := m.Store.Find("malformed"); found || err != nil {
		t.Errorf("Find of a malformed token: %v, %v", found, err)
	}
	n := 0
	if err := m.SessionManager.Iterate(t.Context(), func(context.Context) error { n++; return nil }); err == nil || n != 0 {
		t.Errorf("Iterate on a store without Lister: %d, %v", n, err)
	}
	for range 2 {
		if err := m.Store.Delete(token); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	if _, found, _ := m.Store.Find(token); found {
		t.Error("Delete has left the session")
	}
}

func TestLoginNeedsUser(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{})
	if err := m.Login(m.Context(t.Context(), ""), ""); err == nil {
		t.Error("Login without a user succeeds")
	}
}

// TestEmbeddedMerge: what the embedded manager does under a managed context is
// as safe.
func TestEmbeddedMerge(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	source := start(t, m)
	got := ask(m, "", func(_ http.ResponseWriter, r *http.Request) {
		if err := m.SessionManager.MergeSession(r.Context(), source); err != nil {
			t.Error(err)
		}
	})
	if _, found, _ := p.Store.Fetch(t.Context(), source); found || len(got.Cookies()) != 1 {
		t.Errorf("source left: %v, cookies %v", found, got.Cookies())
	}
	ended := start(t, m)
	var failure error
	got = ask(m, "", func(_ http.ResponseWriter, r *http.Request) {
		p.onFetch = func() { _, _ = p.Store.Remove(t.Context(), ended) } // after it was found
		failure = m.SessionManager.MergeSession(r.Context(), ended)
	})
	if !errors.Is(failure, session.ErrSessionGone) || len(got.Cookies()) != 0 {
		t.Errorf("merging from a session that ends: %v, cookies %v", failure, got.Cookies())
	}
}

// TestMergeFromEnding: the source ends after it was read: nothing of it stays,
// and what the target had stays.
func TestMergeFromEnding(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	ctx := m.Context(t.Context(), "")
	m.Put(ctx, "k", "own")
	m.Put(ctx, "own", 1)
	target, _, err := m.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	source := start(t, m)
	ask(m, target, func(_ http.ResponseWriter, r *http.Request) {
		m.GetString(r.Context(), "k")
		p.onFetch = func() { _, _ = p.Store.Remove(t.Context(), source) }
		if err := m.MergeSession(r.Context(), source); !errors.Is(err, session.ErrSessionGone) {
			t.Errorf("MergeSession: %v", err)
		}
		p.onFetch = nil
	})
	later := m.Context(t.Context(), target)
	if m.GetString(later, "k") != "own" || m.GetInt(later, "own") != 1 || len(m.Keys(later)) != 2 {
		t.Errorf("the target has %v, k %q", m.Keys(later), m.GetString(later, "k"))
	}
}
