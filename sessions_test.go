package echoic_test

import (
	"testing"

	"github.com/echoic-go/echoic/session"
)

// TestSessionsCanBeChanged: what Open gives to session.New.
func TestSessionsCanBeChanged(t *testing.T) {
	t.Parallel()
	cfg := inMemory(t)
	cfg.Sessions = func(s *session.Config) { s.Shareable = []string{"locale"} }
	app := open(t, cfg)
	ctx := app.Sessions.Context(t.Context(), "")
	app.Sessions.Put(ctx, "locale", "de")
	if pair, err := app.Sessions.Variant(ctx, "locale"); err != nil || pair.Value != "de" {
		t.Errorf("Variant: %v, %v", pair, err)
	}
}
