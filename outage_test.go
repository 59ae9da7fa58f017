package echoic_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/internal/testenv"
)

// TestSessionsSurviveRedis: in production with Redis and a database nobody is
// logged out when Redis is killed and comes back empty, one can log in and out
// meanwhile, and who has logged out stays out.
func TestSessionsSurviveRedis(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	cfg := echoic.DefaultConfig()
	cfg.Env, cfg.RedisURL, cfg.DatabaseURL = echoic.Production, server.URL, testenv.Postgres(t).Database(t)
	cfg.CacheStoreBudget = 10 * time.Second // a slow machine decides nothing here
	a, b := open(t, cfg), open(t, cfg)
	login := func(app *echoic.App, user string) (token string) {
		t.Helper()
		ctx := app.Sessions.Context(t.Context(), "")
		if err := app.Sessions.Login(ctx, user); err != nil {
			t.Fatal(err)
		}
		token, _, err := app.Sessions.Commit(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	user := func(app *echoic.App, token string) string {
		t.Helper()
		ctx := app.Sessions.Context(t.Context(), token)
		if err := app.Sessions.Preload(ctx); err != nil {
			t.Fatal(err)
		}
		return app.Sessions.UserID(ctx)
	}
	ann, bob := login(a, "ann"), login(b, "bob")
	server.Kill()
	cid := login(b, "cid")
	if err := a.Sessions.Logout(a.Sessions.Context(t.Context(), bob)); err != nil {
		t.Fatal(err)
	}
	look := func(when string) {
		t.Helper()
		for _, app := range []*echoic.App{a, b} {
			if first, second, third := user(app, ann), user(app, bob), user(app, cid); first != "ann" || second != "" || third != "cid" {
				t.Errorf("%s: %q, %q, %q are logged in, want ann, nobody, cid", when, first, second, third)
			}
		}
	}
	look("without Redis")
	server.Restart()
	look("when Redis is back")
}
