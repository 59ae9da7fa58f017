package echoic_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/middleware"
)

// BenchmarkBackends measures what a request pays for on each backend: the table
// of docs/backends.md is made from it. One caller, so that it is latency and not
// throughput; servers on the same machine.
func BenchmarkBackends(b *testing.B) {
	for _, backend := range []struct {
		name string
		set  func(b *testing.B, cfg *echoic.Config)
	}{
		{"memory", func(*testing.B, *echoic.Config) {}},
		{"sqlite", func(b *testing.B, cfg *echoic.Config) {
			cfg.Env, cfg.DatabaseURL = echoic.Production, "sqlite:"+filepath.Join(b.TempDir(), "all.db")
		}},
		{"postgres", func(b *testing.B, cfg *echoic.Config) {
			cfg.Env, cfg.DatabaseURL = echoic.Production, testenv.Postgres(b).Database(b)
		}},
		{"redis", func(b *testing.B, cfg *echoic.Config) {
			server := testenv.Redis(b)
			cfg.RedisURL, cfg.CachePrefix = server.URL, server.Prefix
		}},
	} {
		for _, near := range []string{"far", "near"} {
			if backend.name == "memory" && near == "near" {
				continue // it is near already
			}
			b.Run(backend.name+"/"+near, func(b *testing.B) {
				cfg := echoic.DefaultConfig()
				cfg.Logger = slog.New(slog.DiscardHandler)
				cfg.SessionDatabase = filepath.Join(b.TempDir(), "sessions.db")
				if backend.set(b, &cfg); near == "far" {
					cfg.CacheNearBytes = 0
				}
				measure(b, cfg)
			})
		}
	}
}

// measure runs one benchmark for each thing that requests do.
func measure(b *testing.B, cfg echoic.Config) {
	b.Helper()
	app, err := echoic.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = app.Close() }()
	ctx, values := b.Context(), cache.Of[[]byte](app.Cache)
	value := bytes.Repeat([]byte("0123456789abcdef"), 64) // 1 KiB
	key := func(i int) string { return fmt.Sprint("k", i%100) }
	many, keys := map[string][]byte{}, []string{}
	for i := range 20 {
		many[key(i)], keys = value, append(keys, key(i))
	}
	steps := []struct {
		name string
		step func(i int) error
	}{
		{"Set", func(i int) error { _, err := values.Set(ctx, key(i), value, cache.TTL(time.Hour)); return err }},
		{"Get", func(i int) error { _, _, err := values.Get(ctx, key(i)); return err }},
		{"SetMany20", func(int) error { _, err := values.SetMany(ctx, many); return err }},
		{"GetMany20", func(int) error { _, err := values.GetMany(ctx, keys); return err }},
		{"Incr", func(int) error { _, err := app.Cache.IncrWithTTL(ctx, "n", 1, cache.TTL(time.Hour)); return err }},
		{"Purge", func(i int) error { return app.Cache.Purge(ctx, key(i)) }},
	}
	for _, s := range steps {
		b.Run(s.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := s.step(i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	measurePage(b, app, value)
}

// measurePage is a page of 10 KiB that is found.
func measurePage(b *testing.B, app *echoic.App, value []byte) {
	b.Helper()
	e, page := echo.New(), bytes.Repeat(value, 10)
	e.GET("/", func(c echo.Context) error { return c.HTMLBlob(http.StatusOK, page) }, middleware.CachePage(app.Pages, time.Hour))
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, request)
		return w
	}
	testenv.Eventually(b, 10*time.Second, func() bool { return ask().Header().Get("Age") != "" }, "the page is found")
	b.Run("PageHit", func(b *testing.B) {
		for b.Loop() {
			if w := ask(); w.Header().Get("Age") == "" {
				b.Fatalf("not a hit: %v", w.Header())
			}
		}
	})
}
