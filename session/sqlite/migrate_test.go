package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/alexedwards/scs/sqlite3store"

	"github.com/echoic-go/echoic/session/sessiontest"
	"github.com/echoic-go/echoic/session/sqlite"
)

// TestFromSCS: from sqlite3store, in the same file and into another one.
func TestFromSCS(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "old.db")
	db := openDB(t, path)
	if _, err := db.ExecContext(t.Context(), oldTable); err != nil {
		t.Fatal(err)
	}
	stock := sqlite3store.NewWithCleanupInterval(db, 0)
	s, err := sqlite.New(sqlite.Config{DB: db, CleanUp: -1}) // whose table is not changed
	if err != nil {
		t.Fatal(err)
	}
	sessiontest.FromSCS(t, stock, s, openStore(t, filepath.Join(t.TempDir(), "new.db"), sqlite.Config{}))
	sessiontest.FromSCS(t, stock, openStore(t, path, sqlite.Config{}), nil)
}
