package journal_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/echoic-go/echoic/internal/sqlconn"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/journal"
)

var errRolledBack = errors.New("rolled back on purpose")

func TestPurgeTx(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	j, pool := open(t, journal.Config{URL: url}), newPool(t, url)
	heard := record(t, j)
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if err := j.PurgeTx(t.Context(), tx, "never"); err != nil {
			t.Error(err)
		}
		return errRolledBack
	})
	if !errors.Is(err, errRolledBack) {
		t.Fatal(err)
	}
	err = pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		err := pgx.BeginFunc(t.Context(), tx, func(savepoint pgx.Tx) error {
			return errors.Join(j.PurgeTx(t.Context(), savepoint, "neither"), errRolledBack)
		})
		if !errors.Is(err, errRolledBack) {
			t.Error(err)
		}
		return errors.Join(j.PurgeTx(t.Context(), tx, "a", "", "\x00\xff"), j.PurgeTx(t.Context(), tx))
	})
	if err != nil {
		t.Fatal(err)
	}
	heard.hears(t, "a", "\x00\xff")
	for _, row := range heard.all() {
		if !row.Outbox || !row.Own || row.Transaction == 0 {
			t.Errorf("%+v is not marked as written in a transaction of the application", row)
		}
	}
}

func TestPurgeSQLTx(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, url string) {
		j := open(t, journal.Config{URL: url})
		heard := record(t, j)
		db := database(t, url)
		for _, commit := range []bool{false, true} {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := j.PurgeSQLTx(t.Context(), tx, fmt.Sprint(commit), "\xff"); err != nil {
				t.Fatal(err)
			}
			if err := j.PurgeSQLTx(t.Context(), tx); err != nil {
				t.Fatal(err)
			}
			end := tx.Rollback
			if commit {
				end = tx.Commit
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
		}
		heard.hears(t, "true", "\xff")
		if !heard.all()[0].Outbox {
			t.Error("the row is not marked as written in a transaction of the application")
		}
	})
}

// database is the application's own way to the database.
func database(t *testing.T, url string) *sql.DB {
	t.Helper()
	target, err := sqlconn.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	var db *sql.DB
	if target.Kind() == sqlconn.SQLite {
		db, err = sqlconn.OpenSQLite(t.Context(), target)
	} else {
		db, err = sql.Open("pgx", url)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// The commit waits for the disk where the transaction would not.
func TestPurgeTxIsSynchronous(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	j, pool := open(t, journal.Config{URL: url}), newPool(t, url)
	tests := []struct{ before, after string }{{"off", "on"}, {"local", "local"}, {"on", "on"}}
	for _, test := range tests {
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			var after string
			_, err := tx.Exec(t.Context(), "SET LOCAL synchronous_commit = "+test.before)
			err = errors.Join(err, j.PurgeTx(t.Context(), tx, "a"), tx.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&after))
			if after != test.after {
				t.Errorf("synchronous_commit was %q and is %q, want %q", test.before, after, test.after)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// Transactions commit in another order than they write: readers that remember
// the last number they saw lose rows here. ECHOIC_TEST_JOURNAL_TRIES changes
// how many there are.
func TestNoRowIsLost(t *testing.T) {
	t.Parallel()
	tries := 10_000
	if text := os.Getenv("ECHOIC_TEST_JOURNAL_TRIES"); text != "" {
		tries, _ = strconv.Atoi(text)
	}
	url := testenv.Postgres(t).Database(t)
	j := open(t, journal.Config{URL: url})
	heard := record(t, j)
	start, err := j.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const writers = 16
	var group sync.WaitGroup
	// A reader that pages through what is settled must see everything too.
	paged := make(chan []string)
	writing, written := context.WithCancel(t.Context())
	go func() { paged <- pageThrough(t, j, start, writing, tries) }()
	for w := range writers {
		group.Go(func() { writeOutOfOrder(t, j, url, w, tries/writers) })
	}
	group.Wait()
	written()
	want := tries / writers * writers
	testenv.Eventually(t, testPatience, func() bool { return heard.count() >= want }, "%d rows arrive", want)
	for name, got := range map[string][]string{"followed": heard.names(), "paged": <-paged} {
		slices.Sort(got)
		if n := len(slices.Compact(slices.Clone(got))); n != want || len(got) != want {
			t.Errorf("%s: %d rows, %d of them different, want %d", name, len(got), n, want)
		}
	}
	testenv.Eventually(t, testPatience, func() bool {
		end, err := j.End(t.Context())
		return err == nil && j.Settled() == end
	}, "everything is settled")
}

// writeOutOfOrder purges one tag in each transaction, and lets others overtake
// between writing and committing.
func writeOutOfOrder(t *testing.T, j *journal.Journal, url string, writer, n int) {
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for i := range n {
		err := pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
			if err := j.PurgeTx(t.Context(), tx, fmt.Sprintf("%d-%d", writer, i)); err != nil {
				return err
			}
			if rand.N(4) > 0 {
				return nil
			}
			_, err := tx.Exec(t.Context(), "SELECT pg_sleep($1)", rand.Float64()/200)
			return err
		})
		if err != nil {
			t.Error(err)
			return
		}
	}
}

func pageThrough(t *testing.T, j *journal.Journal, at journal.Position, writing context.Context, most int) (names []string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for quiet := 0; quiet < 50 && len(names) < most; {
		rows, next, _, err := j.Since(t.Context(), at, 1000)
		if err != nil {
			t.Error(err)
			return names
		}
		for _, row := range rows {
			names = append(names, row.Name)
		}
		at = next
		if len(rows) == 0 && writing.Err() != nil {
			quiet++
		}
		<-tick.C
	}
	return names
}

// A transaction elsewhere that stays open for long holds back positions, and
// nothing else.
func TestLongTransactionElsewhere(t *testing.T) {
	t.Parallel()
	server := testenv.Postgres(t)
	url := server.Database(t)
	j, pool := open(t, journal.Config{URL: url}), newPool(t, url)
	long, err := newPool(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := j.PurgeTx(t.Context(), long, "late"); err != nil {
		t.Fatal(err)
	}
	heard := record(t, j)
	before := j.Settled()
	begin := time.Now()
	for i := range 20 {
		name := fmt.Sprint("tag", i)
		appendTags(t, j, name)
		testenv.Eventually(t, testPatience, func() bool { return slices.Contains(heard.names(), name) }, "%q arrives", name)
	}
	// Each comes just after a poll, and would wait for half a second.
	if took := time.Since(begin); took > 7*time.Second {
		t.Errorf("20 rows took %v, as if they had waited for the next poll", took)
	}
	if now := j.Settled(); now != before {
		t.Errorf("settled went from %v to %v over an open transaction", before, now)
	}
	// A reconnect meanwhile repeats nothing.
	terminate(t, pool)
	appendTags(t, j, "between")
	testenv.Eventually(t, testPatience, func() bool { return slices.Contains(heard.names(), "between") }, "rows arrive again")
	if err := long.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	heard.hears(t, append(numbered("tag", 20), "between", "late")...)
	testenv.Eventually(t, testPatience, func() bool {
		end, err := j.End(t.Context())
		return err == nil && j.Settled() == end && end.Compare(before) > 0
	}, "everything is settled")
}
