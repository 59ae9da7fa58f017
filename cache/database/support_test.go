package database_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/internal/testenv"
)

// backends are the databases that both have to behave alike. Each call of new
// returns the URL of an empty one.
var backends = []struct {
	name string
	new  func(t testing.TB) string
}{
	{"postgres", func(t testing.TB) string { return testenv.Postgres(t).Database(t) }},
	{"sqlite", func(t testing.TB) string { return "sqlite://" + t.TempDir() + "/cache.db" }},
}

// onBoth runs a test on each backend.
func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for _, backend := range backends {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			test(t, backend.new(t))
		})
	}
}

// open opens a store with its table, closed when t ends.
func open(t testing.TB, cfg database.Config) *database.Store {
	t.Helper()
	cfg.AutoCreate = true
	store, err := database.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	closeWith(t, store)
	return store
}

func closeWith(t testing.TB, store *database.Store) {
	t.Helper()
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

func set(t testing.TB, store *database.Store, key, value string, ttl time.Duration) {
	t.Helper()
	stored, err := store.Set(t.Context(), key, []byte(value), ttl, cache.Always)
	if err != nil || !stored {
		t.Fatalf("Set(%q) = %v, %v", key, stored, err)
	}
}

func get(t testing.TB, store *database.Store, key string) (string, bool) {
	t.Helper()
	value, found, err := store.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	return string(value), found
}

func holds(t testing.TB, store *database.Store, key, want string) {
	t.Helper()
	if got, found := get(t, store, key); !found || got != want {
		t.Errorf("Get(%q) = %q, %v, want %q", key, got, found, want)
	}
}

// newPool is a pool that the test watches or uses for itself.
func newPool(t testing.TB, url string, change func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(config)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func scan[T any](t testing.TB, pool *pgxpool.Pool, query string, args ...any) T {
	t.Helper()
	var value T
	if err := pool.QueryRow(context.WithoutCancel(t.Context()), query, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}
