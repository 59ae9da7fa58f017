package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/sqlite3store"
	"github.com/alexedwards/scs/v2"
	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/internal/sqlconn"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/sessiontest"
	"github.com/echoic-go/echoic/session/sqlite"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(writerVariable); path != "" {
		os.Exit(writeUntilKilled(path))
	}
	goleak.VerifyTestMain(m)
}

// openFile opens a database as the application does.
func openFile(ctx context.Context, path string) (*sql.DB, error) {
	target, err := sqlconn.Parse("sqlite:" + path)
	if err != nil {
		return nil, err
	}
	return sqlconn.OpenSQLite(ctx, target)
}

func openDB(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := openFile(t.Context(), path)
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

func openStore(t testing.TB, path string, cfg sqlite.Config) *sqlite.Store {
	t.Helper()
	cfg.DB = openDB(t, path)
	s, err := sqlite.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	sessiontest.Run(t, func(t *testing.T) (a, b session.Store) {
		path := filepath.Join(t.TempDir(), "sessions.db")
		return openStore(t, path, sqlite.Config{}), openStore(t, path, sqlite.Config{})
	})
}

func TestCreateTableAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	var wg sync.WaitGroup
	for range 8 {
		s, err := sqlite.New(sqlite.Config{DB: openDB(t, path), CleanUp: -1})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if err := s.CreateTable(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestMissingTable(t *testing.T) {
	t.Parallel()
	s, err := sqlite.New(sqlite.Config{DB: openDB(t, filepath.Join(t.TempDir(), "empty.db")), CleanUp: -1})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Fetch(t.Context(), "k")
	if err == nil || !strings.Contains(err.Error(), "echoic create-tables") {
		t.Errorf("Fetch without a table: %v, want the remedy", err)
	}
}

func TestCleanUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	s := openStore(t, path, sqlite.Config{CleanUp: 20 * time.Millisecond})
	db := openDB(t, path)
	// More than one batch, expired.
	const fill = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
		INSERT INTO sessions (token, data, expiry) SELECT 'k' || i, x'00', julianday('now') - 1 FROM n`
	if _, err := db.ExecContext(t.Context(), fill); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Insert(t.Context(), "live", session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for left := 0; left != 1; {
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM sessions").Scan(&left); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d rows are left, want 1", left)
		}
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s := openStore(t, filepath.Join(t.TempDir(), "sessions.db"), sqlite.Config{})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s.StopCleanup() // that of scs would block
	if _, _, err := s.Fetch(t.Context(), "k"); !errors.Is(err, session.ErrClosed) {
		t.Errorf("Fetch after Close: %v, want ErrClosed", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if _, err := sqlite.New(sqlite.Config{}); err == nil {
		t.Error("New without a database succeeds")
	}
}

// TestLayout: what scs's sqlite3store has written is found, and the other way
// round.
func TestLayout(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	s := openStore(t, path, sqlite.Config{})
	stock := sqlite3store.NewWithCleanupInterval(openDB(t, path), 0)
	expiry := time.Now().Add(time.Hour)
	if err := stock.Commit("theirs", []byte("scs"), expiry); err != nil {
		t.Fatal(err)
	}
	rec, found, err := s.Fetch(t.Context(), "theirs")
	if err != nil || !found || string(rec.Data) != "scs" || rec.Expiry.Sub(expiry).Abs() > time.Second {
		t.Errorf("Fetch of what sqlite3store wrote: %q until %v, %v, %v", rec.Data, rec.Expiry, found, err)
	}
	if _, err := s.Insert(t.Context(), "ours", session.Record{Data: []byte("echoic"), Expiry: expiry}); err != nil {
		t.Fatal(err)
	}
	data, found, err := stock.Find("ours")
	if err != nil || !found || string(data) != "echoic" {
		t.Errorf("sqlite3store finds %q, %v, %v", data, found, err)
	}
}

// TestAsStoreOfSCS: the store can stand where scs wants one, but commits only
// through a session.Manager.
func TestAsStoreOfSCS(t *testing.T) {
	t.Parallel()
	s := openStore(t, filepath.Join(t.TempDir(), "sessions.db"), sqlite.Config{})
	var plain scs.IterableStore = s
	if _, err := plain.All(); err != nil {
		t.Error(err)
	}
	if err := s.Commit("t", []byte("x"), time.Now().Add(time.Hour)); !errors.Is(err, session.ErrUnmanaged) {
		t.Errorf("a blind commit: %v, want ErrUnmanaged", err)
	}
}

const writerVariable = "SESSION_SQLITE_TEST_WRITER"

// writeUntilKilled is another process: it stores sessions, says which, and never
// ends by itself.
func writeUntilKilled(path string) int {
	db, err := openFile(context.Background(), path)
	if err != nil {
		return 1
	}
	s, err := sqlite.New(sqlite.Config{DB: db})
	if err != nil {
		return 1
	}
	for n := 0; ; n++ {
		key := fmt.Sprintf("key-%d", n)
		_, err := s.Insert(context.Background(), key, session.Record{Data: []byte(key), Expiry: time.Now().Add(time.Hour)})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(key)
	}
}

// TestKilled: what was stored when the process was killed is there afterwards.
func TestKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	s := openStore(t, path, sqlite.Config{})
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writerVariable+"="+path)
	stored := killAfter(t, cmd, 200)
	for _, key := range stored {
		rec, found, err := s.Fetch(t.Context(), key)
		if err != nil || !found || string(rec.Data) != key {
			t.Fatalf("%s: %q, %v, %v after kill -9", key, rec.Data, found, err)
		}
	}
}
