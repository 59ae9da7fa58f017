package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/memory"
)

// lazy is a store whose every call takes its time, or as long as it may.
type lazy struct {
	*memory.Store
	takes time.Duration
	late  bool // what was given up is done all the same
}

func (l *lazy) wait(ctx context.Context) error {
	timer := time.NewTimer(l.takes)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *lazy) Fetch(ctx context.Context, key string) (session.Record, bool, error) {
	if err := l.wait(ctx); err != nil {
		return session.Record{}, false, err
	}
	return l.Store.Fetch(ctx, key)
}

func (l *lazy) change(ctx context.Context, call func(context.Context) (bool, error)) (bool, error) {
	if err := l.wait(ctx); err != nil {
		if l.late {
			_, _ = call(context.WithoutCancel(ctx))
		}
		return false, err
	}
	return call(ctx)
}

func (l *lazy) Insert(ctx context.Context, key string, rec session.Record) (bool, error) {
	return l.change(ctx, func(ctx context.Context) (bool, error) { return l.Store.Insert(ctx, key, rec) })
}

func (l *lazy) Swap(ctx context.Context, key string, old []byte, rec session.Record) (bool, error) {
	return l.change(ctx, func(ctx context.Context) (bool, error) { return l.Store.Swap(ctx, key, old, rec) })
}

func (l *lazy) Remove(ctx context.Context, key string) (bool, error) {
	return l.change(ctx, func(ctx context.Context) (bool, error) { return l.Store.Remove(ctx, key) })
}

// slowDatabase decides, and takes its time.
type slowDatabase struct{ *lazy }

func (slowDatabase) Deliberate() {}

func newLazy(t *testing.T, cfg session.Config) (*session.Manager, *lazy) {
	t.Helper()
	rows := memory.New(memory.Config{CleanUp: -1})
	t.Cleanup(func() { _ = rows.Close() })
	l := &lazy{Store: rows}
	if cfg.Store == nil {
		cfg.Store = l
	} else {
		cfg.Store = slowDatabase{l}
	}
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m, l
}

// askIn has a handler answer a request, and returns what came of it and when.
func askIn(ctx context.Context, m *session.Manager, token string, handler http.HandlerFunc) (*httptest.ResponseRecorder, time.Duration) {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil)
	if token != "" {
		r.AddCookie(&http.Cookie{Name: "session", Value: token})
	}
	w := httptest.NewRecorder()
	begun := time.Now()
	m.LoadAndSave(handler).ServeHTTP(w, r)
	return w, time.Since(begun)
}

// TestBudget: all calls of one request together get 50 ms of the store, whatever
// the handler does; then they fail at once, the answer is 503, and the browser
// keeps its cookie.
func TestBudget(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]func(m *session.Manager) http.HandlerFunc{
		"read": func(m *session.Manager) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) { m.UserID(r.Context()) }
		},
		"write": func(m *session.Manager) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) { m.Put(r.Context(), "k", "w") }
		},
		"login": func(m *session.Manager) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) { panicOn(m.Login(r.Context(), "ann")) }
		},
		"logout": func(m *session.Manager) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) { panicOn(m.Logout(r.Context())) }
		},
	} {
		for _, takes := range []time.Duration{time.Hour, 30 * time.Millisecond} {
			t.Run(name+" "+takes.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					m, store := newLazy(t, session.Config{})
					token := start(t, m)
					store.takes = takes
					w, took := askIn(t.Context(), m, token, handler(m))
					if took > 50*time.Millisecond {
						t.Errorf("%v were spent on the store", took)
					}
					if name == "read" && takes < time.Hour {
						if w.Code != http.StatusOK {
							t.Errorf("a read within the budget: %d", w.Code)
						}
						return
					}
					if w.Code != http.StatusServiceUnavailable || w.Header()["Set-Cookie"] != nil {
						t.Errorf("status %d, cookies %q, want 503 and none", w.Code, w.Header()["Set-Cookie"])
					}
				})
			})
		}
	}
}

func panicOn(err error) {
	if err != nil {
		var failed *session.StoreError
		if !errors.As(err, &failed) {
			panic(err)
		}
		panic(failed)
	}
}

// TestLateChange: a change that was given up and is done all the same is not
// acknowledged, and nothing breaks: the session stays, with the old value or the
// new one, and a logout that was done stays done.
func TestLateChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, store := newLazy(t, session.Config{})
		token := start(t, m)
		store.takes, store.late = 40*time.Millisecond, true
		w, _ := askIn(t.Context(), m, token, func(_ http.ResponseWriter, r *http.Request) { m.Put(r.Context(), "k", "late") })
		if w.Code != http.StatusServiceUnavailable || w.Header()["Set-Cookie"] != nil {
			t.Errorf("a late save: %d, cookies %q", w.Code, w.Header()["Set-Cookie"])
		}
		store.takes = 0
		if got := m.GetString(m.Context(t.Context(), token), "k"); got != "late" && got != "v" {
			t.Errorf("after it k is %q", got)
		}
		store.takes = 40 * time.Millisecond
		w, _ = askIn(t.Context(), m, token, func(_ http.ResponseWriter, r *http.Request) {
			m.GetString(r.Context(), "k")
			panicOn(m.Logout(r.Context()))
		})
		if w.Code != http.StatusServiceUnavailable || w.Header()["Set-Cookie"] != nil {
			t.Errorf("a late logout: %d, cookies %q", w.Code, w.Header()["Set-Cookie"])
		}
		store.takes = 0
		w, _ = askIn(t.Context(), m, token, func(_ http.ResponseWriter, r *http.Request) { m.Put(r.Context(), "k", "again") })
		if got := m.GetString(m.Context(t.Context(), token), "k"); got != "" || w.Code != http.StatusOK {
			t.Errorf("the ended session has k = %q, status %d", got, w.Code)
		}
	})
}

// TestBudgetShared: session and cache spend one budget, whoever comes first and
// whoever made it.
func TestBudgetShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, store := newLazy(t, session.Config{})
		token := start(t, m)
		store.takes = 20 * time.Millisecond
		for name, ctx := range map[string]context.Context{"its own": t.Context(), "that of the request": cache.WithBudget(t.Context(), 50*time.Millisecond)} {
			askIn(ctx, m, token, func(_ http.ResponseWriter, r *http.Request) {
				m.UserID(r.Context())
				if left := cache.BudgetOf(r.Context()).Left(); left != 30*time.Millisecond {
					t.Errorf("%s: after a read of the session %v is left, want 30ms", name, left)
				}
				within, done, ok := cache.Spend(cache.WithBudget(r.Context(), time.Hour))
				if !ok {
					t.Fatal("nothing is left")
				}
				<-within.Done()
				done()
			})
		}
		askIn(t.Context(), m, "", func(_ http.ResponseWriter, r *http.Request) {
			for range 3 { // a stream gets it anew
				_, done, ok := cache.Spend(r.Context())
				if !ok {
					t.Error("a request that goes on for long has nothing left")
				}
				time.Sleep(time.Minute)
				done()
			}
		})
	})
}

// TestDeliberate: what a database decides has Config.Timeout for it.
func TestDeliberate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, store := newLazy(t, session.Config{Store: slowDatabase{}})
		store.takes = 200 * time.Millisecond
		w, _ := askIn(t.Context(), m, "", func(_ http.ResponseWriter, r *http.Request) { m.Put(r.Context(), "k", "v") })
		if w.Code != http.StatusOK || w.Header()["Set-Cookie"] == nil {
			t.Errorf("status %d, cookies %q", w.Code, w.Header()["Set-Cookie"])
		}
		store.takes = time.Hour
		if w, took := askIn(t.Context(), m, "", func(_ http.ResponseWriter, r *http.Request) { m.Put(r.Context(), "k", "v") }); w.Code != http.StatusServiceUnavailable || took > 2*time.Second {
			t.Errorf("status %d after %v", w.Code, took)
		}
	})
}
