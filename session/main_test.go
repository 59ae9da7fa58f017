package session_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// probe is a store that counts its calls, fails when it is told to, and can hold
// a call back.
type probe struct {
	session.Store
	fetches, writes atomic.Int64
	failing         atomic.Bool
	readOnly        atomic.Bool
	hold            chan struct{} // if set, Fetch waits for it or the context
	onFetch         func()        // if set, called after Fetch
}

var errAway = errors.New("the store is away")

func (p *probe) Fetch(ctx context.Context, key string) (session.Record, bool, error) {
	p.fetches.Add(1)
	if p.hold != nil {
		select {
		case <-p.hold:
		case <-ctx.Done():
			return session.Record{}, false, ctx.Err()
		}
	}
	if p.failing.Load() {
		return session.Record{}, false, errAway
	}
	if p.onFetch != nil {
		defer p.onFetch()
	}
	return p.Store.Fetch(ctx, key)
}

func (p *probe) change(call func() (bool, error)) (bool, error) {
	p.writes.Add(1)
	if p.failing.Load() || p.readOnly.Load() {
		return false, errAway
	}
	return call()
}

func (p *probe) Insert(ctx context.Context, key string, rec session.Record) (bool, error) {
	return p.change(func() (bool, error) { return p.Store.Insert(ctx, key, rec) })
}

func (p *probe) Update(ctx context.Context, key string, rec session.Record) (bool, error) {
	return p.change(func() (bool, error) { return p.Store.Update(ctx, key, rec) })
}

func (p *probe) Remove(ctx context.Context, key string) (bool, error) {
	return p.change(func() (bool, error) { return p.Store.Remove(ctx, key) })
}

func newProbe(t testing.TB) *probe {
	t.Helper()
	rows := memory.New(memory.Config{CleanUp: -1})
	t.Cleanup(func() { _ = rows.Close() })
	return &probe{Store: rows}
}

// newManager returns a manager on an empty store in memory.
func newManager(t testing.TB, cfg session.Config) (*session.Manager, *probe) {
	t.Helper()
	p := newProbe(t)
	cfg.Store = p
	if cfg.StoreBudget == 0 {
		cfg.StoreBudget = time.Minute // the clock decides nothing here
	}
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

// start makes a session that holds k = v and returns its token.
func start(t testing.TB, m *session.Manager) string {
	t.Helper()
	ctx := m.Context(t.Context(), "")
	m.Put(ctx, "k", "v")
	token, _, err := m.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// ask runs a handler under LoadAndSave.
func ask(m *session.Manager, token string, h http.HandlerFunc) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if token != "" {
		r.AddCookie(&http.Cookie{Name: m.Cookie.Name, Value: token})
	}
	w := httptest.NewRecorder()
	m.LoadAndSave(h).ServeHTTP(w, r)
	return w.Result()
}

// logBuffer is a log that can be written and read at once.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newLog() (*logBuffer, *slog.Logger) {
	l := new(logBuffer)
	return l, slog.New(slog.NewTextHandler(l, nil))
}

// storeErrorOf runs f and returns the *StoreError that it panics with.
func storeErrorOf(t *testing.T, f func()) (failed *session.StoreError) {
	t.Helper()
	defer func() {
		err, ok := recover().(error)
		if !ok || !errors.As(err, &failed) {
			t.Errorf("panic with %v, want a *StoreError", err)
		}
	}()
	f()
	return nil
}

var unknown = strings.Repeat("u", 43)

const someTime = time.Hour
