package sqlite_test

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/sqlite3store"

	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/sqlite"
)

// oldTable is that of sqlite3store.
const oldTable = `CREATE TABLE sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL);
	CREATE INDEX sessions_expiry_idx ON sessions(expiry);`

// TestUpgrade: a table of scs gets what it lacks, by any number of processes at
// once, and scs goes on with it.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	db := openDB(t, path)
	if _, err := db.ExecContext(t.Context(), oldTable); err != nil {
		t.Fatal(err)
	}
	stock := sqlite3store.NewWithCleanupInterval(db, 0)
	expiry := time.Now().Add(time.Hour)
	if err := stock.Commit("theirs", []byte("scs"), expiry); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		s, err := sqlite.New(sqlite.Config{DB: openDB(t, path), CleanUp: -1})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range 2 {
				if err := s.CreateTable(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s := openStore(t, path, sqlite.Config{CleanUp: -1})
	if _, found, err := s.Fetch(t.Context(), "theirs"); err != nil || !found {
		t.Errorf("Fetch of what scs wrote: %v, %v", found, err)
	}
	rec := session.Record{Data: []byte("x"), Expiry: expiry, Owner: session.Owner{User: "u", Login: "l", Since: 1, Until: expiry}}
	if _, err := s.Insert(t.Context(), "ours", rec); err != nil {
		t.Fatal(err)
	}
	if err := stock.Commit("again", []byte("scs"), expiry); err != nil {
		t.Errorf("scs on the new table: %v", err)
	}
	n := 0
	for _, err := range s.Owned(t.Context(), "u") {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Errorf("%d sessions of the user, want 1", n)
	}
}

// TestOldTable: without the upgrade the error says what to do.
func TestOldTable(t *testing.T) {
	t.Parallel()
	db := openDB(t, filepath.Join(t.TempDir(), "sessions.db"))
	if _, err := db.ExecContext(t.Context(), oldTable); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.New(sqlite.Config{DB: db, CleanUp: -1})
	if err != nil {
		t.Fatal(err)
	}
	rec := session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour), Owner: session.Owner{User: "u", Login: "l", Since: 1}}
	if _, err := s.Insert(t.Context(), "k", rec); err == nil || !strings.Contains(err.Error(), "create-tables") {
		t.Errorf("Insert into an old table: %v, want the remedy", err)
	}
	if _, err := s.Insert(t.Context(), "k", session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour)}); err != nil {
		t.Errorf("Insert of a visitor without a login: %v", err)
	}
}

// TestRevocationsAreForgotten: they go when they are of no use.
func TestRevocationsAreForgotten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sessions.db")
	s := openStore(t, path, sqlite.Config{CleanUp: -1})
	for user, until := range map[string]time.Duration{"old": -time.Hour, "new": time.Hour} {
		if _, err := s.Revoke(t.Context(), session.Revocation{User: user, Until: time.Now().Add(until)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left string
	if err := openDB(t, path).QueryRowContext(t.Context(), "SELECT group_concat(owner) FROM session_revocations").Scan(&left); err != nil || left != "new" {
		t.Errorf("left: %q, %v", left, err)
	}
}
