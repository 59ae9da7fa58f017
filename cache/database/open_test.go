package database_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	const memory = "sqlite::memory:"
	tests := []struct {
		name string
		cfg  database.Config
		want string
	}{
		{"no URL", database.Config{}, "Config.URL"},
		{"malformed URL", database.Config{URL: "postgres://u:s3cret@db:x/app"}, "the port of the host"},
		{"nothing listens", database.Config{URL: "postgres://u:s3cret@" + testenv.RefusedAddr(t) + "/app"}, "start Postgres there"},
		{"no directory", database.Config{URL: "sqlite:///dev/null/cache.db"}, "/dev/null"},
		{"table", database.Config{URL: memory, Table: `x"; DROP TABLE y; --`}, "Config.Table"},
		{"table with digit", database.Config{URL: memory, Table: "1x"}, "Config.Table"},
		{"table with two dots", database.Config{URL: memory, Table: "a.b.c"}, "Config.Table"},
		{"long table", database.Config{URL: memory, Table: strings.Repeat("x", 64)}, "Config.Table"},
		{"schema that does not exist", database.Config{URL: memory, Table: "nowhere.x", AutoCreate: true}, "nowhere"},
		{"entries", database.Config{URL: memory, MaxEntries: -1}, "Config.MaxEntries"},
		{"connections", database.Config{URL: memory, MaxConns: -1}, "Config.MaxConns"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			store, err := database.Open(t.Context(), test.cfg)
			if err == nil || store != nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("Open = %v, %v, want an error with %q", store, err, test.want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", "file:"+t.TempDir()+"/cache.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, cfg := range map[string]database.Config{
		"URL": {URL: "sqlite::memory:"}, "MaxConns": {MaxConns: 1}, "Table": {Table: "a b"}, "MaxEntries": {MaxEntries: -1},
	} {
		if _, err := database.NewSQLite(t.Context(), db, cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("NewSQLite with a wrong %s: %v", name, err)
		}
	}
	if _, err := database.NewSQLite(t.Context(), nil, database.Config{}); err == nil {
		t.Error("NewSQLite without a database: no error")
	}
	if _, err := database.NewPostgres(t.Context(), nil, database.Config{}); err == nil {
		t.Error("NewPostgres without a pool: no error")
	}
}

// Whoever opened the connections closes them.
func TestCloseLeavesWhatWasGiven(t *testing.T) {
	t.Parallel()
	pool := newPool(t, testenv.Postgres(t).Database(t), nil)
	db, err := sql.Open("sqlite", "file:"+t.TempDir()+"/cache.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	postgres, err := database.NewPostgres(t.Context(), pool, database.Config{AutoCreate: true})
	if err != nil {
		t.Fatal(err)
	}
	sqlite, err := database.NewSQLite(t.Context(), db, database.Config{AutoCreate: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, store := range []*database.Store{postgres, sqlite} {
		set(t, store, "k", "x", cache.Forever)
		for range 2 {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := store.CreateTable(t.Context()); !errors.Is(err, cache.ErrClosed) {
			t.Errorf("CreateTable after Close: %v", err)
		}
		if _, err := store.Purge(t.Context()); !errors.Is(err, cache.ErrClosed) {
			t.Errorf("Purge after Close: %v", err)
		}
	}
	if n := scan[int](t, pool, "SELECT count(*) FROM echoic_cache"); n != 1 {
		t.Errorf("%d rows after Close, want 1", n)
	}
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM echoic_cache").Scan(&n); n != 1 || err != nil {
		t.Errorf("%d rows after Close, %v, want 1", n, err)
	}
}

// Close lets calls under way end, and those that come meanwhile fail at once.
func TestCloseWaitsForCalls(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	store := open(t, database.Config{URL: url})
	set(t, store, "k", "1", cache.Forever)
	release := lock(t, url)
	pool := newPool(t, url, nil)
	var group sync.WaitGroup
	group.Go(func() {
		if found, err := store.Touch(t.Context(), "k", time.Hour); !found || err != nil {
			t.Errorf("Touch under way = %v, %v", found, err)
		}
	})
	testenv.Eventually(t, 20*time.Second, func() bool {
		return scan[int](t, pool, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1
	}, "the call waits for the row")
	closed := make(chan error, 1)
	group.Go(func() { closed <- store.Close() })
	testenv.Eventually(t, 20*time.Second, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := store.Get(ctx, "k")
		return errors.Is(err, cache.ErrClosed)
	}, "calls fail while the store is being closed")
	select {
	case err := <-closed:
		t.Errorf("Close = %v before the call under way has ended", err)
	default:
	}
	release()
	group.Wait()
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
}
