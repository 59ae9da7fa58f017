package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/journal"
)

// terminate ends every other connection to the database that does nothing: the
// tails' and idle ones.
func terminate(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle'`)
	if err != nil {
		t.Fatal(err)
	}
}

func TestBackendsTerminated(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	j, pool := open(t, journal.Config{URL: url}), newPool(t, url)
	heard := record(t, j)
	for i := range 20 {
		terminate(t, pool)
		appendTags(t, j, fmt.Sprint("tag", i))
	}
	testenv.Eventually(t, testPatience, func() bool { return heard.count() >= 20 }, "20 rows arrive")
	// One that was repeated may be there twice.
	if got := slices.Compact(heard.names()); !slices.Equal(got, numbered("tag", 20)) {
		t.Errorf("heard %q", got)
	}
	testenv.Eventually(t, testPatience, j.Alive, "the journal is followed")
}

func TestPostgresKilledUnderTheJournal(t *testing.T) {
	t.Parallel()
	server := testenv.NewPostgres(t, testenv.PostgresConfig{Durable: true})
	url := server.Database(t)
	a, b := open(t, journal.Config{URL: url}), open(t, journal.Config{URL: url})
	heardA, heardB := record(t, a), record(t, b)
	var kept []string
	for round := range 2 {
		stop := make(chan struct{})
		var group sync.WaitGroup
		var mu sync.Mutex
		for w := range 4 {
			group.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					name := fmt.Sprintf("%d-%d-%d", round, w, i)
					ctx, cancel := context.WithTimeout(t.Context(), testPatience) // a busy disk is no reason to stop
					_, err := a.Append(ctx, tag(name))
					cancel()
					if err != nil {
						return
					}
					mu.Lock()
					kept = append(kept, name)
					mu.Unlock()
				}
			})
		}
		testenv.Eventually(t, testPatience, func() bool { return heardB.count() > 50*(round+1) }, "rows arrive")
		server.Kill()
		testenv.Eventually(t, testPatience, func() bool { return !a.Alive() && !b.Alive() }, "the journals notice")
		close(stop)
		group.Wait()
		server.Restart()
		testenv.Eventually(t, testPatience, func() bool { return a.Alive() && b.Alive() }, "the journals follow again")
		appendTags(t, b, fmt.Sprint("after", round))
		kept = append(kept, fmt.Sprint("after", round))
	}
	for name, heard := range map[string]*recorder{"A": heardA, "B": heardB} {
		last := kept[len(kept)-1]
		testenv.Eventually(t, testPatience, func() bool { return slices.Contains(heard.names(), last) }, "the last row arrives at %s", name)
		all := heard.names()
		for _, want := range kept {
			if !slices.Contains(all, want) {
				t.Errorf("%q was acknowledged, and never arrived at %s", want, name)
			}
		}
	}
}

func TestPostgresStopped(t *testing.T) {
	t.Parallel()
	server := testenv.NewPostgres(t, testenv.PostgresConfig{})
	j := open(t, journal.Config{URL: server.Database(t)})
	heard := record(t, j)
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	watch := testenv.NewStopwatch()
	if _, err := j.Append(ctx, tag("unknown")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Append to a stopped server: %v", err)
	}
	if took := watch.Took(); took > 2*time.Second {
		t.Errorf("Append to a stopped server took %v, its context 100ms", took)
	}
	testenv.Eventually(t, testPatience, func() bool { return !j.Alive() }, "the journal notices")
	server.Cont()
	testenv.Eventually(t, testPatience, j.Alive, "the journal is followed again")
	appendTags(t, j, "a")
	testenv.Eventually(t, testPatience, func() bool { return slices.Contains(heard.names(), "a") }, "a row arrives")
}

// A database that was restored from a backup has lost what came after it.
func TestDatabaseHasLostRows(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, url string) {
		j := open(t, journal.Config{URL: url})
		heard := record(t, j)
		appendTags(t, j, "a", "b")
		heard.hears(t, "a", "b")
		testenv.Eventually(t, testPatience, func() bool { end, err := j.End(t.Context()); return err == nil && end == j.Settled() && end.ID > 0 }, "the rows are settled")
		end := j.Settled()
		if _, err := database(t, url).ExecContext(t.Context(), "DELETE FROM echoic_journal"); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := j.Since(t.Context(), end, 10); !errors.Is(err, journal.ErrUnknownPosition) {
			t.Errorf("Since a row that is gone: %v", err)
		}
		if strings.HasPrefix(url, "sqlite") {
			return // a connection to a file does not break
		}
		terminate(t, newPool(t, url))
		testenv.Eventually(t, testPatience, func() bool { return heard.count() == 3 }, "the loss is told")
		if row := heard.all()[2]; row.Kind != cache.InvalidAll || row.ID != 0 {
			t.Errorf("the loss is told as %+v", row)
		}
		if now, err := j.End(t.Context()); err != nil || now.Journal == end.Journal {
			t.Errorf("the journal that has lost rows is still the same: %v, %v", now, err)
		}
		appendTags(t, j, "c")
		testenv.Eventually(t, testPatience, func() bool { return slices.Contains(heard.names(), "c") }, "rows arrive")
	})
}

// A table that was copied into another database has rows of transactions that
// are yet to come there.
func TestTableCopiedFromElsewhere(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	first := open(t, journal.Config{URL: url})
	appendTags(t, first, "a")
	before, err := first.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := newPool(t, url).Exec(t.Context(), "UPDATE echoic_journal SET xid = '1000000000000'"); err != nil {
		t.Fatal(err)
	}
	j := open(t, journal.Config{URL: url})
	after, err := j.End(t.Context())
	if err != nil || before.Journal == after.Journal || after.Transaction != 0 {
		t.Errorf("the end was %v and is %v, %v", before, after, err)
	}
	heard := record(t, j)
	appendTags(t, j, "b")
	heard.hears(t, "b")
}

func TestCreateTableConcurrently(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, url string) {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				j, err := journal.Open(t.Context(), journal.Config{URL: url, MaxConns: 1, AutoCreate: true})
				if err != nil {
					t.Error(err)
					return
				}
				appendTags(t, j, "a")
				if err := j.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		rows, _, _, err := open(t, journal.Config{URL: url}).Since(t.Context(), journal.Position{}, 100)
		if !errors.Is(err, journal.ErrUnknownPosition) || len(rows) != 0 {
			t.Errorf("Since the zero position: %v, %v", rows, err)
		}
	})
}

func TestTableIsMadeLater(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, url string) {
		j, err := journal.Open(t.Context(), journal.Config{URL: url, Table: "quotes_journal"})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		heard := record(t, j)
		if _, err := j.Append(t.Context(), tag("a")); !errors.Is(err, journal.ErrNoTable) {
			t.Errorf("Append without a table: %v, want %v", err, journal.ErrNoTable)
		}
		if j.Alive() {
			t.Error("alive without a table")
		}
		if err := j.CreateTable(t.Context()); err != nil {
			t.Fatal(err)
		}
		appendTags(t, j, "a")
		heard.hears(t, "a")
	})
}
