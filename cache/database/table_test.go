package database_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/internal/testenv"
)

// withoutTable opens a store that does not create its table.
func withoutTable(t *testing.T, cfg database.Config) *database.Store {
	t.Helper()
	store, err := database.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	closeWith(t, store)
	return store
}

func TestCreateTableTogether(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		var stores []*database.Store
		for range 8 {
			stores = append(stores, withoutTable(t, database.Config{URL: url, MaxConns: 1}))
		}
		start := make(chan struct{})
		var group sync.WaitGroup
		for _, store := range stores {
			group.Go(func() {
				<-start
				for range 2 { // again, where nothing is missing
					if err := store.CreateTable(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		close(start)
		group.Wait()
		set(t, stores[0], "k", "x", cache.Forever)
		if err := stores[1].CreateTable(t.Context()); err != nil {
			t.Error(err)
		}
		holds(t, stores[7], "k", "x")
	})
}

func TestNoTable(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := withoutTable(t, database.Config{URL: url, Table: "quotes_cache"})
		_, _, getErr := store.Get(t.Context(), "k")
		_, setErr := store.Set(t.Context(), "k", nil, cache.Forever, cache.Always)
		_, manyErr := store.SetMany(t.Context(), []cache.Item{{Key: "k", TTL: cache.Forever}})
		_, purgeErr := store.Purge(t.Context())
		for _, err := range []error{getErr, setErr, manyErr, purgeErr} {
			if !errors.Is(err, database.ErrNoTable) || !strings.Contains(err.Error(), "run echoic create-tables") ||
				!strings.Contains(err.Error(), "quotes_cache") {
				t.Errorf("a call without a table: %v", err)
			}
		}
		if err := store.CreateTable(t.Context()); err != nil {
			t.Fatal(err)
		}
		set(t, store, "k", "x", cache.Forever)
		holds(t, store, "k", "x")
	})
}

// What a dry run prints does the same as CreateTable.
func TestSchema(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := withoutTable(t, database.Config{URL: url})
		if path, ok := strings.CutPrefix(url, "sqlite://"); ok {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.ExecContext(t.Context(), store.Schema()); err != nil {
				t.Fatal(err)
			}
		} else if _, err := newPool(t, url, nil).Exec(t.Context(), store.Schema()); err != nil {
			t.Fatal(err)
		}
		set(t, store, "k", "x", cache.Forever)
		if err := store.CreateTable(t.Context()); err != nil {
			t.Error(err)
		}
		holds(t, store, "k", "x")
	})
}

func TestTableNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 62)
	onBoth(t, func(t *testing.T, url string) {
		schema := "public."
		if strings.HasPrefix(url, "sqlite:") {
			schema = "main."
		}
		// Each is a table of its own, with indexes of its own.
		names := []string{"echoic_cache", "Other", "select", "_1", schema + "qualified", long + "1", long + "2", schema + long + "3"}
		var stores []*database.Store
		for _, name := range names {
			store := open(t, database.Config{URL: url, Table: name, MaxConns: 1})
			stores = append(stores, store)
			set(t, store, "k", name, cache.Forever)
			if !strings.Contains(store.Schema(), `"`+name[strings.IndexByte(name, '.')+1:]+`"`) {
				t.Errorf("the schema of %s does not quote its name: %s", name, store.Schema())
			}
		}
		for i, name := range names {
			holds(t, stores[i], "k", name)
		}
		indexes := 0
		if path, ok := strings.CutPrefix(url, "sqlite://"); ok {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").Scan(&indexes); err != nil {
				t.Fatal(err)
			}
		} else {
			indexes = scan[int](t, newPool(t, url, nil), "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public' AND indexdef NOT LIKE 'CREATE UNIQUE%'")
		}
		if indexes != 2*len(names) {
			t.Errorf("%d indexes for %d tables, want two each", indexes, len(names))
		}
	})
}

func TestPostgresTable(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	pool := newPool(t, url, nil)
	for _, unlogged := range []bool{false, true} {
		name, want := "logged", "p"
		if unlogged {
			name, want = "unlogged", "u"
		}
		open(t, database.Config{URL: url, Table: name, Unlogged: unlogged})
		if got := scan[string](t, pool, "SELECT relpersistence::text FROM pg_class WHERE relname = $1", name); got != want {
			t.Errorf("persistence of table %s = %s, want %s", name, got, want)
		}
		if got := scan[string](t, pool, "SELECT collname FROM pg_attribute AS a JOIN pg_collation AS c ON c.oid = a.attcollation WHERE attrelid = $1::regclass AND attname = 'key'", name); got != "C" {
			t.Errorf("keys of table %s are in the order of %s, want C", name, got)
		}
	}
}

// A server may run under a user that can use the table and nothing more.
func TestPostgresWithoutRightToCreate(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	open(t, database.Config{URL: url})
	pool := newPool(t, url, nil)
	role := "echoic_test_" + strings.ToLower(rand.Text())
	run := func(statement string) {
		t.Helper()
		if _, err := pool.Exec(context.WithoutCancel(t.Context()), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	run("CREATE ROLE " + role + " NOLOGIN")
	t.Cleanup(func() { run("DROP OWNED BY " + role); run("DROP ROLE " + role) })
	run("GRANT SELECT, INSERT, UPDATE, DELETE ON echoic_cache TO " + role)

	plain := url + "&options=-c%20role%3D" + role
	store := open(t, database.Config{URL: plain})
	set(t, store, "k", "x", cache.Forever)
	holds(t, store, "k", "x")
	if err := withoutTable(t, database.Config{URL: plain, Table: "other"}).CreateTable(t.Context()); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("CreateTable without the right to: %v", err)
	}
}
