package echoic_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/echoic-go/echoic"
)

func TestFragmentKey(t *testing.T) {
	t.Parallel()
	cfg := echoic.DefaultConfig()
	cfg.SessionDatabase = t.TempDir() + "/sessions.db"
	app := open(t, cfg)
	runs := 0
	render := func(user string) {
		t.Helper()
		err := app.Fragments.Cached(t.Context(), io.Discard, "sidebar", 5*time.Minute, []any{user}, func(_ context.Context, w io.Writer) error {
			runs++
			_, err := io.WriteString(w, user)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		render("anna")
		render("bert")
	}
	key, err := echoic.FragmentKey("sidebar", "anna")
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Cache.Purge(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	render("anna")
	render("bert")
	if runs != 3 {
		t.Errorf("%d renders, want two, and one after the purge", runs)
	}
	if _, err := echoic.FragmentKey("sidebar", new(int)); err == nil {
		t.Error("a pointer has no stable identity, and is taken")
	}
}
