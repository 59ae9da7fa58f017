package databasetest

import (
	"path/filepath"
	"testing"

	"github.com/echoic-go/echoic/example-app/internal/database"
	"github.com/echoic-go/echoic/internal/testenv"
)

// Opener opens one new database: each call is another server of the same site.
type Opener func() *database.DB

// Each runs test on both databases.
func Each(t *testing.T, test func(t *testing.T, open Opener)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("Postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t))
	})
}

// SQLite returns an Opener of a file in a temporary directory.
func SQLite(t testing.TB) Opener {
	return opener(t, "sqlite:"+filepath.ToSlash(filepath.Join(t.TempDir(), "test.db")))
}

// Postgres returns an Opener of a database of its own on the tests' server.
func Postgres(t testing.TB) Opener {
	return opener(t, testenv.Postgres(t).Database(t))
}

func opener(t testing.TB, url string) Opener {
	return func() *database.DB {
		db, err := database.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Errorf("closing the database: %v", err)
			}
		})
		return db
	}
}
