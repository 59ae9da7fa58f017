package database_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/internal/testenv"
)

// counter returns a function that counts the rows of the default table, also
// those that have expired.
func counter(t *testing.T, url string) func() int {
	t.Helper()
	const query = "SELECT count(*) FROM echoic_cache"
	path, ok := strings.CutPrefix(url, "sqlite://")
	if !ok {
		pool := newPool(t, url, nil)
		return func() int { t.Helper(); return scan[int](t, pool, query) }
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return func() (n int) {
		t.Helper()
		if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

func setMany(t *testing.T, store *database.Store, all []cache.Item) {
	t.Helper()
	if _, err := store.SetMany(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

func TestPurgesInTheBackground(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url, PurgeInterval: 20 * time.Millisecond})
		rows := counter(t, url)
		setMany(t, store, items(numbered(2500), time.Millisecond)) // more than two batches
		set(t, store, "stays", "x", time.Hour)
		set(t, store, "stays for ever", "x", cache.Forever)
		testenv.Eventually(t, 20*time.Second, func() bool { return rows() == 2 }, "rows that have expired are removed")
		holds(t, store, "stays", "x")
		holds(t, store, "stays for ever", "x")
	})
}

func TestPurgeOnDemand(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url, PurgeInterval: -1})
		rows := counter(t, url)
		setMany(t, store, items(numbered(1500), time.Millisecond))
		testenv.Eventually(t, 20*time.Second, func() bool { _, found := get(t, store, "k01499"); return !found }, "the values expire")
		if n := rows(); n != 1500 {
			t.Errorf("%d rows before the purge, want 1500", n)
		}
		if n, err := store.Purge(t.Context()); n != 1500 || err != nil {
			t.Errorf("Purge = %d, %v, want 1500", n, err)
		}
		if n, err := store.Purge(t.Context()); n != 0 || err != nil {
			t.Errorf("Purge again = %d, %v, want 0", n, err)
		}
	})
}

// stamp makes the order of writing certain: it has milliseconds.
func stamp(t *testing.T, store *database.Store, key string, ttl time.Duration) {
	t.Helper()
	set(t, store, key, "x", ttl)
	before := time.Now()
	testenv.Eventually(t, time.Minute, func() bool { return time.Since(before) > 2*time.Millisecond }, "the clock goes on")
}

func TestMaxEntriesRemovesTheLeastRecentlyWritten(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url, PurgeInterval: -1})
		for _, key := range []string{"first", "second", "third", "fourth"} {
			stamp(t, store, key, time.Hour)
		}
		stamp(t, store, "first", time.Hour) // written again
		if found, err := store.Touch(t.Context(), "second", time.Hour); !found || err != nil {
			t.Fatalf("Touch = %v, %v", found, err)
		}
		bounded := open(t, database.Config{URL: url, PurgeInterval: -1, MaxEntries: 2})
		if n, err := bounded.Purge(t.Context()); n != 2 || err != nil {
			t.Errorf("Purge = %d, %v, want 2", n, err)
		}
		for key, want := range map[string]bool{"first": true, "second": true, "third": false, "fourth": false} {
			if _, found := get(t, store, key); found != want {
				t.Errorf("%s is there: %v, want %v", key, found, want)
			}
		}
	})
}

// The keys that hold a cache's generation and sequence are written once and
// never expire: removing them would empty the cache.
func TestMaxEntriesRemovesForeverLast(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url, PurgeInterval: -1, MaxEntries: 3})
		stamp(t, store, "forever 1", cache.Forever)
		stamp(t, store, "forever 2", cache.Forever)
		stamp(t, store, "new", time.Hour)
		setMany(t, store, items(numbered(20), time.Hour))
		testenv.Eventually(t, 20*time.Second, func() bool {
			_, err := store.Purge(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return counterOf(t, store) == 3
		}, "three rows are left")
		holds(t, store, "forever 1", "x")
		holds(t, store, "forever 2", "x")
		stamp(t, store, "forever 3", cache.Forever)
		stamp(t, store, "forever 4", cache.Forever)
		if _, err := store.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, found := get(t, store, "forever 1"); found || counterOf(t, store) != 3 {
			t.Errorf("%d keys without expiry, the oldest is there: %v; want the newest 3", counterOf(t, store), found)
		}
	})
}

// counterOf counts what has not expired.
func counterOf(t *testing.T, store *database.Store) (n int) {
	t.Helper()
	for _, err := range store.Keys(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestMaxEntriesInTheBackground(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		// Three servers, none of which looks by the clock.
		var stores []*database.Store
		for range 3 {
			stores = append(stores, open(t, database.Config{URL: url, PurgeInterval: -1, MaxEntries: 100}))
		}
		rows := counter(t, url)
		var group sync.WaitGroup
		for w, store := range stores {
			group.Go(func() {
				for i := range 200 {
					if _, err := store.Set(t.Context(), fmt.Sprintf("%d:%d", w, i), nil, time.Hour, cache.Always); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		testenv.Eventually(t, 20*time.Second, func() bool { n := rows(); return n <= 110+30 }, "rows beyond the limit are removed")
		if _, err := stores[0].Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := rows(); n < 100 {
			t.Errorf("%d rows are left of at most 100: servers remove them twice", n)
		}
	})
}

// Servers that find too many rows at the same time do not each remove as many.
func TestMaxEntriesTogether(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url, PurgeInterval: -1})
		setMany(t, store, items(numbered(3300), time.Hour))
		var bounded []*database.Store
		for range 6 {
			bounded = append(bounded, open(t, database.Config{URL: url, PurgeInterval: -1, MaxEntries: 100}))
		}
		start := make(chan struct{})
		var group sync.WaitGroup
		for _, s := range bounded {
			group.Go(func() {
				<-start
				if _, err := s.Purge(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		group.Wait()
		if n := counter(t, url)(); n != 100 {
			t.Errorf("%d rows are left, want 100", n)
		}
	})
}

// A row that a transaction has locked is left for later.
func TestPurgePassesLockedRows(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	store := open(t, database.Config{URL: url, PurgeInterval: -1})
	rows := counter(t, url)
	setMany(t, store, items(numbered(3), time.Millisecond))
	testenv.Eventually(t, 20*time.Second, func() bool { return counterOf(t, store) == 0 }, "the values expire")
	tx, err := newPool(t, url, nil).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), "SELECT FROM echoic_cache WHERE key = 'k00001' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	if n, err := store.Purge(t.Context()); n != 2 || err != nil {
		t.Errorf("Purge = %d, %v, want 2", n, err)
	}
	if n := rows(); n != 1 {
		t.Errorf("%d rows are left, want the locked one", n)
	}
}

// safeBuffer is a log that is read while it is written.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) lines() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), "\n")
}

func TestUpkeepLogsOnceWhenItBeginsToFail(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	log, counted := &safeBuffer{}, &counting{}
	pool := newPool(t, url, func(c *pgxpool.Config) { c.ConnConfig.Tracer = counted })
	store, err := database.NewPostgres(t.Context(), pool, database.Config{
		AutoCreate: true, PurgeInterval: 10 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	closeWith(t, store)
	rounds := func(n int) {
		t.Helper()
		counted.take()
		seen := 0
		testenv.Eventually(t, 20*time.Second, func() bool { seen += len(counted.take()); return seen > n }, "the upkeep goes on")
	}
	rename := func(from, to string) {
		t.Helper()
		if _, err := newPool(t, url, nil).Exec(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
			t.Fatal(err)
		}
	}
	for outage := 1; outage <= 2; outage++ {
		rename("echoic_cache", "away")
		testenv.Eventually(t, 20*time.Second, func() bool { return log.lines() == outage }, "outage %d is logged", outage)
		rounds(5)
		if got := log.lines(); got != outage {
			t.Errorf("%d lines in outage %d", got, outage)
		}
		rename("away", "echoic_cache")
		rounds(3)
	}
}
