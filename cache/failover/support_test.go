package failover_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/cache/failover"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

// calm is a budget for tests of what the store does, not of how long it takes.
const calm = 5 * time.Second

// patience is how long tests wait for what must happen.
const patience = 10 * time.Second

func open(t testing.TB, cfg failover.Config) *failover.Store {
	t.Helper()
	store, err := failover.New(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return store
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openRedis(t testing.TB, url string) cache.Store {
	t.Helper()
	store, err := redis.New(t.Context(), redis.Config{URL: url})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return store
}

func openDatabase(t testing.TB, url string) *database.Store {
	t.Helper()
	store, err := database.Open(t.Context(), database.Config{URL: url, AutoCreate: true})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return store
}

func set(ctx context.Context, s cache.Store, key, value string) error {
	_, err := s.Set(ctx, key, []byte(value), time.Hour, cache.Always)
	return err
}

// get returns the value, or "-" for a miss.
func get(t testing.TB, s cache.Store, key string) string {
	t.Helper()
	value, found, err := s.Get(t.Context(), key)
	must(t, err)
	if !found {
		return "-"
	}
	return string(value)
}

func becomes(t testing.TB, s *failover.Store, want failover.State) {
	t.Helper()
	testenv.Eventually(t, patience, func() bool { return s.State() == want }, "the store is %v", want)
}

func isDegraded(err error) bool { return errors.Is(err, cache.ErrDegraded) }
