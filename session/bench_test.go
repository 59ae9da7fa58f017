package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/echoic-go/echoic/session"
)

var sink any

func BenchmarkContextUntouched(b *testing.B) {
	m, _ := newManager(b, session.Config{})
	token := start(b, m)
	parent := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		sink = m.Context(parent, token)
	}
}

func BenchmarkContextRead(b *testing.B) {
	m, _ := newManager(b, session.Config{})
	token := start(b, m)
	parent := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		ctx := m.Context(parent, token)
		m.GetString(ctx, "k")
	}
}

func BenchmarkForeignKey(b *testing.B) {
	m, _ := newManager(b, session.Config{})
	ctx := m.Context(context.WithValue(context.Background(), otherKey{}, 1), unknown)
	b.ReportAllocs()
	for b.Loop() {
		sink = ctx.Value(otherKey{})
	}
}

func BenchmarkLoadAndSaveUntouched(b *testing.B) {
	m, _ := newManager(b, session.Config{})
	h := m.LoadAndSave(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: unknown})
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

// TestUntouchedAllocations holds the price of an untouched session.
func TestUntouchedAllocations(t *testing.T) {
	m, _ := newManager(t, session.Config{})
	parent := context.Background()
	if got := testing.AllocsPerRun(100, func() { sink = m.Context(parent, unknown) }); got > 1 {
		t.Errorf("%v allocations, want 1", got)
	}
}
