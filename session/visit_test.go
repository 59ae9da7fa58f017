package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/session"
)

type otherKey struct{}

// likeSCS is a key like that of scs.
type likeSCS string

// TestLazy: only scs's own key loads the session, through whatever stands
// between.
func TestLazy(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	token := start(t, m)
	ctx := m.Context(context.WithValue(t.Context(), otherKey{}, "x"), token)
	child, cancel := context.WithTimeout(context.WithValue(ctx, likeSCS("session.1"), 1), time.Hour)
	defer cancel()
	if child.Value(otherKey{}) != "x" || child.Value("none") != nil || m.Accessed(child) || p.fetches.Load() != 0 {
		t.Fatal("looking for other keys loads the session")
	}
	if m.Context(child, unknown) != child {
		t.Error("a context that has a session gets another one")
	}
	if m.GetString(child, "k") != "v" || !m.Accessed(ctx) || p.fetches.Load() != 1 {
		t.Fatalf("%d fetches", p.fetches.Load())
	}
	m.Put(context.WithoutCancel(child), "a", "b")
	if m.Status(ctx) != scs.Modified || m.Token(ctx) != token {
		t.Errorf("status %v, token %q", m.Status(ctx), m.Token(ctx))
	}
	if again, err := m.Load(child, unknown); err != nil || again != child {
		t.Errorf("Load under a session: %v, %v", again == child, err)
	}
	if again, err := m.SessionManager.Load(child, unknown); err != nil || again != child {
		t.Errorf("the embedded Load under a session: %v, %v", again == child, err)
	}
}

// TestLoadedOnce: requests that touch the session in many goroutines load it
// once.
func TestLoadedOnce(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	ctx := m.Context(t.Context(), start(t, m))
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			if m.GetString(ctx, "k") != "v" {
				t.Error("not loaded")
			}
			m.Put(ctx, "k"+strconv.Itoa(i), i)
		})
	}
	wg.Wait()
	if p.fetches.Load() != 1 || len(m.Keys(ctx)) != 65 {
		t.Errorf("%d fetches, %d keys", p.fetches.Load(), len(m.Keys(ctx)))
	}
}

// TestScope: whatever is made from the session is private, through the Manager
// or the embedded one, in a scope that was opened before or after, also if it
// cannot be loaded.
func TestScope(t *testing.T) {
	t.Parallel()
	ways := map[string]struct {
		touch func(m *session.Manager, ctx context.Context)
		quiet bool
	}{
		"nothing":          {touch: func(*session.Manager, context.Context) {}, quiet: true},
		"preload":          {touch: func(m *session.Manager, ctx context.Context) { _ = m.Preload(ctx) }, quiet: true},
		"get":              {touch: func(m *session.Manager, ctx context.Context) { m.GetString(ctx, "k") }},
		"embedded get":     {touch: func(m *session.Manager, ctx context.Context) { m.SessionManager.Get(ctx, "k") }},
		"put":              {touch: func(m *session.Manager, ctx context.Context) { m.Put(ctx, "k", 1) }},
		"keys":             {touch: func(m *session.Manager, ctx context.Context) { m.Keys(ctx) }},
		"token":            {touch: func(m *session.Manager, ctx context.Context) { m.Token(ctx) }},
		"user":             {touch: func(m *session.Manager, ctx context.Context) { m.UserID(ctx) }},
		"destroy":          {touch: func(m *session.Manager, ctx context.Context) { _ = m.Destroy(ctx) }},
		"renew":            {touch: func(m *session.Manager, ctx context.Context) { _ = m.RenewToken(ctx) }},
		"merge":            {touch: func(m *session.Manager, ctx context.Context) { _ = m.MergeSession(ctx, unknown) }},
		"commit":           {touch: func(m *session.Manager, ctx context.Context) { _, _, _ = m.Commit(ctx) }},
		"iterate":          {touch: func(m *session.Manager, ctx context.Context) { _ = m.Iterate(ctx, nil) }},
		"in a goroutine":   {touch: func(m *session.Manager, ctx context.Context) { inGoroutine(func() { m.GetString(ctx, "k") }) }},
		"detached context": {touch: func(m *session.Manager, ctx context.Context) { m.GetString(context.WithoutCancel(ctx), "k") }},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, _ := newManager(t, session.Config{})
			token := start(t, m)
			outerCtx, outer := cache.Open(t.Context())
			innerCtx, inner := cache.Open(m.Context(outerCtx, token))
			way.touch(m, innerCtx)
			for place, scope := range map[string]*cache.Scope{"before": outer, "after": inner} {
				if got := scope.Deps().Private; (got == "") != way.quiet {
					t.Errorf("a scope opened %s the session: private %q", place, got)
				}
			}
			_, later := cache.Open(innerCtx)
			if got := later.Deps().Private; got != "" {
				t.Errorf("a scope that is opened afterwards is private: %q", got)
			}
		})
	}
}

func inGoroutine(f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Wait()
}

// TestTwoManagers: two sessions under one request do not get mixed up, and
// touching either is noticed.
func TestTwoManagers(t *testing.T) {
	t.Parallel()
	users, _ := newManager(t, session.Config{})
	admins, _ := newManager(t, session.Config{Cookie: session.Cookie{Name: "admin"}})
	ctx := admins.Context(users.Context(t.Context(), start(t, users)), start(t, admins))
	ctx, scope := cache.Open(ctx)
	users.Put(ctx, "k", "user's")
	if scope.Deps().Private == "" {
		t.Error("touching the outer session is not noticed")
	}
	if users.SessionManager.GetString(ctx, "k") != "user's" || admins.SessionManager.GetString(ctx, "k") != "v" {
		t.Error("the sessions are mixed up")
	}
}

// TestLoadFails: a session that cannot be loaded is not an empty one.
func TestLoadFails(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	token := start(t, m)
	p.failing.Store(true)
	ctx, scope := cache.Open(m.Context(t.Context(), token))
	for range 2 {
		failed := storeErrorOf(t, func() { m.GetString(ctx, "k") })
		if !errors.Is(failed, errAway) || failed.Op != "load" {
			t.Errorf("the panic is %v", failed)
		}
	}
	if p.fetches.Load() != 1 {
		t.Errorf("%d fetches, want 1: a failed load is not repeated", p.fetches.Load())
	}
	if scope.Deps().Private == "" {
		t.Error("the scope is not private")
	}
	if _, err := m.Load(t.Context(), token); !errors.Is(err, errAway) {
		t.Errorf("Load: %v", err)
	}
	for name, err := range map[string]error{
		"Destroy": m.Destroy(ctx), "RenewToken": m.RenewToken(ctx), "MergeSession": m.MergeSession(ctx, unknown),
		"Login": m.Login(ctx, "ann"), "Logout": m.Logout(ctx),
	} {
		if !errors.Is(err, errAway) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPreloadFails: a route that can do without the session answers, and its
// answer is not kept.
func TestPreloadFails(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	p.failing.Store(true)
	ctx, scope := cache.Open(m.Context(t.Context(), unknown))
	var failed *session.StoreError
	if err := m.Preload(ctx); !errors.As(err, &failed) {
		t.Errorf("Preload: %v", err)
	}
	if scope.Refused() == "" {
		t.Error("what is made without the session can be cached")
	}
}

// TestTimeout: a store that does not answer is given up.
func TestTimeout(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{Timeout: 10 * time.Millisecond})
	p.hold = make(chan struct{})
	defer close(p.hold)
	ctx := m.Context(context.Background(), unknown)
	if err := m.Preload(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Preload: %v", err)
	}
}

// TestNoTokenInText: whoever prints the context or an error does not learn the
// token.
func TestNoTokenInText(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	token := start(t, m)
	ctx := m.Context(t.Context(), token)
	child, cancel := context.WithCancel(ctx)
	defer cancel()
	p.failing.Store(true)
	err := m.Preload(ctx)
	text := fmt.Sprintf("%v %+v %#v %s %v %#v", ctx, ctx, ctx, child, err, err)
	if strings.Contains(text, token) {
		t.Errorf("the token is in %s", text)
	}
}

// TestNoGoroutine: a context between a cancellable one and its child costs no
// goroutine. TestMain looks for those that are left.
func TestNoGoroutine(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Config{})
	parent, cancel := context.WithCancel(context.Background())
	child, cancelChild := context.WithCancel(m.Context(parent, unknown))
	defer cancelChild()
	cancel()
	<-child.Done()
	if m.Accessed(child) {
		t.Error("cancelling touches the session")
	}
}

// TestIterateUnderRequest: iterating does not touch the request's own session,
// and contexts do not grow with the number of sessions.
func TestIterateUnderRequest(t *testing.T) {
	t.Parallel()
	rows := newProbe(t)
	m, err := session.New(session.Config{Store: rows.Store, StoreBudget: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		start(t, m)
	}
	if _, err := rows.Store.Insert(t.Context(), unknown, session.Record{Data: []byte("no session"), Expiry: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	own := m.Context(context.WithValue(t.Context(), otherKey{}, "x"), start(t, m))
	seen := 0
	err = m.Iterate(own, func(ctx context.Context) error {
		seen++
		if m.GetString(ctx, "k") != "v" || ctx.Value(otherKey{}) != "x" {
			t.Error("the context has not what it should")
		}
		return nil
	})
	if err != nil || seen != 51 || m.Accessed(own) {
		t.Errorf("%d sessions, %v, own touched: %v", seen, err, m.Accessed(own))
	}
	stop := errors.New("stop")
	if err := m.Iterate(own, func(context.Context) error { return stop }); err != stop {
		t.Errorf("Iterate: %v, want what fn returned", err)
	}
}

// TestManyVisitorsLeaveNothing: a hundred thousand visitors who put nothing into
// their session, with and without a cookie of somewhere, are not in the store.
func TestManyVisitorsLeaveNothing(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{IdleTimeout: time.Hour})
	h := m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		m.GetString(r.Context(), "k")
		m.Put(r.Context(), "k", 1)
		m.Remove(r.Context(), "k")
	}))
	for n := range 100_000 {
		r := &http.Request{Method: http.MethodGet, Header: http.Header{}}
		if n%2 == 0 {
			r.Header.Set("Cookie", "session="+unknown)
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Header()["Set-Cookie"] != nil {
			t.Fatalf("visitor %d gets %q", n, w.Header()["Set-Cookie"])
		}
	}
	rows := 0
	for range p.Store.(session.Lister).Each(t.Context()) {
		rows++
	}
	if rows != 0 || p.writes.Load() != 0 {
		t.Errorf("%d rows, %d writes", rows, p.writes.Load())
	}
}
