package session_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/session"
)

// TestFlash: messages are shown once, in order, at most 16, and make what shows
// them private; asking without any writes nothing.
func TestFlash(t *testing.T) {
	t.Parallel()
	m, p := newManager(t, session.Config{})
	token := start(t, m)
	ctx := m.Context(t.Context(), token)
	m.AddFlash(ctx, "error", `<b> "is" not`)
	m.AddFlash(ctx, "success", "saved")
	if _, _, err := m.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	ctx, scope := cache.Open(m.Context(t.Context(), token))
	want := []session.Flash{{Kind: "error", Text: `<b> "is" not`}, {Kind: "success", Text: "saved"}}
	if got := m.Flashes(ctx); !slices.Equal(got, want) || len(m.Flashes(ctx)) != 0 || scope.Deps().Private == "" {
		t.Errorf("%q, private %q", got, scope.Deps().Private)
	}
	if _, _, err := m.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	p.writes.Store(0)
	ctx = m.Context(t.Context(), token)
	if got := m.Flashes(ctx); len(got) != 0 || m.Status(ctx) != 0 || p.writes.Load() != 0 {
		t.Errorf("%q, status %v", got, m.Status(ctx))
	}
	for n := range 20 {
		m.AddFlash(ctx, "n", strconv.Itoa(n))
	}
	if got := m.Flashes(ctx); len(got) != 16 || got[0].Text != "4" || got[15].Text != "19" {
		t.Errorf("%q", got)
	}
	m.Put(ctx, "__flash", []byte("{"))
	if got := m.Flashes(ctx); got != nil {
		t.Errorf("%q", got)
	}
}
