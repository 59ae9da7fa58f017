package database_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/internal/testenv"
)

// writes are the calls that need the row of the key "k".
func writes(store *database.Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Set": func(ctx context.Context) error {
			_, err := store.Set(ctx, "k", []byte("2"), time.Hour, cache.Always)
			return err
		},
		"SetIfPresent": func(ctx context.Context) error {
			_, err := store.Set(ctx, "k", []byte("2"), time.Hour, cache.IfPresent)
			return err
		},
		"SetMany": func(ctx context.Context) error {
			_, err := store.SetMany(ctx, []cache.Item{{Key: "a", TTL: time.Hour}, {Key: "k", Value: []byte("2"), TTL: time.Hour}})
			return err
		},
		"Incr":  func(ctx context.Context) error { _, err := store.Incr(ctx, "k", 1, nil); return err },
		"Touch": func(ctx context.Context) error { _, err := store.Touch(ctx, "k", time.Hour); return err },
		"Swap": func(ctx context.Context) error {
			_, err := store.Swap(ctx, "k", []byte("1"), []byte("2"), time.Hour)
			return err
		},
		"Delete": func(ctx context.Context) error { _, err := store.Delete(ctx, "a", "k"); return err },
	}
}

// lock holds the row, or for SQLite the database, until the returned function
// is called.
func lock(t *testing.T, url string) (release func()) {
	t.Helper()
	const statement = "UPDATE echoic_cache SET written_at = written_at WHERE key = 'k'"
	if path, ok := strings.CutPrefix(url, "sqlite://"); ok {
		db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		tx, err := db.BeginTx(context.WithoutCancel(t.Context()), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		return func() { _ = tx.Rollback() }
	}
	tx, err := newPool(t, url, nil).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	if _, err := tx.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	return func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }
}

func TestDeadlineWhileTheRowIsLocked(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url})
		set(t, store, "k", "1", cache.Forever)
		release := lock(t, url)
		for name, write := range writes(store) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			watch := testenv.NewStopwatch()
			err := write(ctx)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s of a locked row: %v, want an error that wraps %v", name, err, context.DeadlineExceeded)
			}
			if took := watch.Took(); took > 3*time.Second {
				t.Errorf("%s of a locked row took %v, its deadline was after 100ms", name, took)
			}
		}
		holds(t, store, "k", "1") // reading needs no lock
		release()
		for name, write := range writes(store) {
			if err := write(t.Context()); err != nil && !errors.Is(err, cache.ErrNotFound) {
				t.Errorf("%s when the lock is gone: %v", name, err)
			}
		}
	})
}

// What the caller has given up does not go on in the server.
func TestPostgresCancelsWhatWaits(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	store := open(t, database.Config{URL: url})
	set(t, store, "k", "1", cache.Forever)
	release := lock(t, url)
	defer release()
	pool := newPool(t, url, nil)
	const waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, err := store.Touch(ctx, "k", time.Hour); done <- err }()
	testenv.Eventually(t, 20*time.Second, func() bool { return scan[int](t, pool, waiting) == 1 }, "the call waits for the row")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Touch = %v, want an error that wraps %v", err, context.Canceled)
	}
	testenv.Eventually(t, 20*time.Second, func() bool { return scan[int](t, pool, waiting) == 0 }, "the server has given up too")
}

// A transaction of the application has a connection of its own.
func TestRollbackLeavesTheCacheAlone(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	store := open(t, database.Config{URL: url})
	tx, err := newPool(t, url, nil).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "INSERT INTO echoic_cache VALUES ('mine', '', NULL, 0)"); err != nil {
		t.Fatal(err)
	}
	set(t, store, "k", "x", time.Hour)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	holds(t, store, "k", "x")
	if _, found := get(t, store, "mine"); found {
		t.Error("what was rolled back is there")
	}
}
