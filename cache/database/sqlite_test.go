package database_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
)

// Two handles on one file, as two processes have them: 800 writes at once, none
// of which may find the database locked.
func TestSQLiteBusy(t *testing.T) {
	t.Parallel()
	url := "sqlite://" + t.TempDir() + "/cache.db"
	stores := []*database.Store{open(t, database.Config{URL: url}), open(t, database.Config{URL: url})}
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range 800 {
		group.Go(func() {
			<-start
			store := stores[i%2]
			var err error
			switch i / 2 % 4 {
			case 0:
				_, err = store.Set(t.Context(), fmt.Sprint("k", i), []byte("x"), time.Hour, cache.Always)
			case 1:
				_, err = store.Incr(t.Context(), "n", 1, &cache.Initial{TTL: time.Hour})
			case 2:
				_, err = store.SetMany(t.Context(), items(numbered(5), time.Hour))
			case 3:
				_, err = store.Delete(t.Context(), fmt.Sprint("k", i-6), "k00001")
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	group.Wait()
	holds(t, stores[0], "n", "200")
	holds(t, stores[1], "n", "200")
}

func TestSQLiteMemoryIsItsOwn(t *testing.T) {
	t.Parallel()
	a, b := open(t, database.Config{URL: "sqlite::memory:"}), open(t, database.Config{URL: "sqlite::memory:"})
	set(t, a, "k", "x", cache.Forever)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() { holds(t, a, "k", "x") })
	}
	group.Wait()
	if _, found := get(t, b, "k"); found {
		t.Error("a second database in memory has the values of the first")
	}
}

// A store is as good on a file that another process has written.
func TestSQLiteReopens(t *testing.T) {
	t.Parallel()
	url := "sqlite://" + t.TempDir() + "/cache.db"
	first := open(t, database.Config{URL: url})
	set(t, first, "k", "x", time.Hour)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, withoutTable(t, database.Config{URL: url}), "k", "x")
}
