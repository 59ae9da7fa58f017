package sqlconn_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/sqlconn"
)

func openSQLite(t *testing.T, text string) *sql.DB {
	t.Helper()
	db, err := sqlconn.OpenSQLite(t.Context(), parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func exec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func scan[T any](t *testing.T, db *sql.DB, query string) T {
	t.Helper()
	var value T
	if err := db.QueryRowContext(t.Context(), query).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

func TestOpenSQLiteSettings(t *testing.T) {
	t.Parallel()
	db := openSQLite(t, "sqlite://"+t.TempDir()+"/app.db")
	for pragma, want := range map[string]string{"journal_mode": "wal", "busy_timeout": "5000", "synchronous": "1", "foreign_keys": "1"} {
		if got := scan[string](t, db, "PRAGMA "+pragma); got != want {
			t.Errorf("%s = %s, want %s", pragma, got, want)
		}
	}
}

func TestOpenSQLiteMakesPrivateFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "var", "lib")
	db := openSQLite(t, "sqlite://"+dir+"/app.db")
	exec(t, db, "CREATE TABLE t (id INTEGER)")
	found := 0
	err := filepath.WalkDir(filepath.Dir(dir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", path, got, want)
		}
		found++
		return nil
	})
	if err != nil || found != 5 { // two directories, app.db, app.db-wal, app.db-shm
		t.Errorf("found %d files, %v; want 5", found, err)
	}
}

func TestOpenSQLiteKeepsModes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.db")
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	openSQLite(t, "sqlite://"+path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode of a file that was there: %v, %v", info.Mode(), err)
	}
}

func TestOpenSQLiteNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, escaped := range map[string]string{
		"a b.db": "a%20b.db", "a?b#c.db": "a%3Fb%23c.db", "50%.db": "50%25.db", "ünïcode.db": "ünïcode.db", "a&b=c;d.db": "a&b=c;d.db", ":memory:": "./:memory:",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			exec(t, openSQLite(t, "sqlite://"+dir+"/"+escaped), "CREATE TABLE t (id INTEGER)")
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenSQLiteRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	exec(t, openSQLite(t, "sqlite:var/app.db"), "CREATE TABLE t (id INTEGER)")
	if _, err := os.Stat("var/app.db"); err != nil {
		t.Error(err)
	}
}

func TestOpenSQLiteFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "text.db")
	if err := os.WriteFile(file, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, url, remedy string }{
		{"no database", "sqlite://" + file, "this is no SQLite database"},
		{"file as directory", "sqlite://" + file + "/app.db", "write to the directory " + file},
		{"directory", "sqlite://" + dir, "name a file in that directory"},
		{"no directory can be made", "sqlite:///dev/null/echoic/app.db", "write to the directory /dev/null/echoic"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db, err := sqlconn.OpenSQLite(t.Context(), parse(t, test.url))
			var openErr *sqlconn.OpenError
			if !errors.As(err, &openErr) || db != nil {
				t.Fatalf("OpenSQLite = %v, want an *OpenError", err)
			}
			if !strings.Contains(openErr.Remedy, test.remedy) || !strings.Contains(err.Error(), test.url) {
				t.Errorf("error %q; want the remedy %q and the URL", err, test.remedy)
			}
		})
	}
	if _, err := sqlconn.OpenSQLite(t.Context(), parse(t, "postgres://u:s3cret@db/app")); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("OpenSQLite of a Postgres URL: %v", err)
	}
}

// Of several that open a new file at once, all but one meet the lock under
// which it changes to a write-ahead log.
func TestOpenSQLiteTogether(t *testing.T) {
	t.Parallel()
	for range 5 {
		target := parse(t, "sqlite://"+filepath.Join(t.TempDir(), "new", "app.db"))
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				db, err := sqlconn.OpenSQLite(t.Context(), target)
				if err != nil {
					t.Error(err)
					return
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
}

func TestOpenSQLiteWritersTogether(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"file": "sqlite://" + t.TempDir() + "/app.db", "memory": "sqlite::memory:"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handles := []*sql.DB{openSQLite(t, url), nil}
			handles[1] = handles[0]
			if name == "file" {
				handles[1] = openSQLite(t, url)
			}
			exec(t, handles[0], "CREATE TABLE t (id INTEGER)")
			var group sync.WaitGroup
			for i := range 16 {
				group.Go(func() {
					for range 25 {
						if err := readAndWrite(t.Context(), handles[i%2]); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			if got := scan[int](t, handles[1], "SELECT count(*) FROM t"); got != 400 {
				t.Errorf("%d rows of 400 transactions", got)
			}
		})
	}
}

// readAndWrite fails at once without immediate transactions.
func readAndWrite(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM t").Scan(&n); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO t VALUES ($1)", n); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func TestMemoryLivesAsLongAsTheHandle(t *testing.T) {
	t.Parallel()
	db, other := openSQLite(t, "sqlite::memory:"), openSQLite(t, "sqlite::memory:")
	exec(t, db, "CREATE TABLE t (id INTEGER)")
	exec(t, db, "INSERT INTO t VALUES (1)")
	db.SetMaxIdleConns(-1) // closes every connection after its use
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := db.ExecContext(ctx, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an endless query ended with %v", err)
	}
	if got := scan[int](t, db, "SELECT count(*) FROM t"); got != 1 {
		t.Errorf("%d rows, want 1", got)
	}
	if got := scan[int](t, other, "SELECT count(*) FROM sqlite_schema"); got != 0 {
		t.Errorf("the other database in memory has %d tables of the first", got)
	}
}
