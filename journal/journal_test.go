package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/journal"
)

func TestRowsArriveInOrder(t *testing.T) {
	t.Parallel()
	onAll(t, func(t *testing.T, url string) {
		j := open(t, journal.Config{URL: url})
		heard := record(t, j)
		list := []cache.Invalidation{
			{Kind: cache.InvalidTag, Name: "a"}, {Kind: cache.InvalidAll}, {Kind: cache.InvalidKey, Name: "app:1:v:x"},
			{Kind: cache.InvalidSession, Name: "s"}, {Kind: cache.InvalidTag, Name: "\x00not\xffUTF-8"}, {Kind: cache.PeerDegraded, Name: "peer"},
		}
		receipt, err := j.Append(t.Context(), list...)
		if err != nil {
			t.Fatal(err)
		}
		if n := receipt.Last - receipt.First + 1; n != int64(len(list)) {
			t.Errorf("the receipt is %+v, want %d rows", receipt, len(list))
		}
		testenv.Eventually(t, testPatience, func() bool { return heard.count() >= len(list) }, "the rows arrive")
		for i, row := range heard.all() {
			if row.Invalidation != list[i] || !row.Own || row.Outbox || row.Transaction != receipt.Transaction || row.ID != receipt.First+int64(i) {
				t.Errorf("row %d is %+v, want own %+v of %+v", i, row, list[i], receipt)
			}
			if age := time.Since(row.Created); age < -time.Minute || age > time.Minute {
				t.Errorf("row %d was created %v ago", i, age)
			}
		}
	})
}

func TestAppendOfNothing(t *testing.T) {
	t.Parallel()
	onAll(t, func(t *testing.T, url string) {
		j := open(t, journal.Config{URL: url})
		if receipt, err := j.Append(t.Context()); err != nil || !receipt.IsZero() {
			t.Errorf("Append() = %+v, %v", receipt, err)
		}
		if _, err := j.Append(t.Context(), cache.Invalidation{Name: "no kind"}); err == nil {
			t.Error("an invalidation without a kind was kept")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := j.Append(ctx, tag("a")); !errors.Is(err, context.Canceled) {
			t.Errorf("Append with a context that has ended: %v", err)
		}
		j.Applied(t.Context(), cache.Receipt{})
	})
}

func TestConcurrentAppendsHaveTheirOwnReceipts(t *testing.T) {
	t.Parallel()
	onAll(t, func(t *testing.T, url string) {
		j := open(t, journal.Config{URL: url})
		heard := record(t, j)
		type key struct {
			transaction uint64
			id          int64
		}
		var (
			group sync.WaitGroup
			mu    sync.Mutex
			want  = map[key]string{}
		)
		for i := range 8 {
			group.Go(func() {
				for k := range 20 {
					names := numbered(fmt.Sprintf("%d-%d-", i, k), 1+k%3)
					receipt := appendTags(t, j, names...)
					mu.Lock()
					for n, name := range names {
						want[key{receipt.Transaction, receipt.First + int64(n)}] = name
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		testenv.Eventually(t, testPatience, func() bool { return heard.count() >= len(want) }, "%d rows arrive", len(want))
		for _, row := range heard.all() {
			// Rows of other appends of one transaction may lie between.
			if name, ok := want[key{row.Transaction, row.ID}]; ok && name != row.Name {
				t.Errorf("row %d of transaction %d is %q, its receipt is for %q", row.ID, row.Transaction, row.Name, name)
			}
		}
		if n := heard.count(); n != len(want) {
			t.Errorf("%d rows arrived, want %d", n, len(want))
		}
	})
}

func TestDomainsShareATable(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, url string) {
		a, b := open(t, journal.Config{URL: url, Domain: "a"}), open(t, journal.Config{URL: url, Domain: "b"})
		again := open(t, journal.Config{URL: url, Domain: "a"})
		heardA, heardB, heardAgain := record(t, a), record(t, b), record(t, again)
		appendTags(t, a, "one")
		appendTags(t, b, "two")
		appendTags(t, again, "three")
		heardA.hears(t, "one", "three")
		heardAgain.hears(t, "one", "three")
		heardB.hears(t, "two")
		if rows := heardAgain.all(); rows[0].Own || !rows[1].Own {
			t.Errorf("own rows: %v, %v, want only the second", rows[0].Own, rows[1].Own)
		}
		endA, _ := a.End(t.Context())
		endB, err := b.End(t.Context())
		if err != nil || endA.Journal == endB.Journal {
			t.Errorf("the domains have one identity: %v, %v, %v", endA, endB, err)
		}
	})
}

func TestSince(t *testing.T) {
	t.Parallel()
	onAll(t, func(t *testing.T, url string) {
		j := open(t, journal.Config{URL: url})
		start, err := j.End(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if start.Journal == (journal.Identity{}) {
			t.Error("the journal has no identity")
		}
		want := numbered("tag", 25)
		for _, name := range want {
			appendTags(t, j, name)
		}
		var got []string
		next, more := start, true
		var rows []journal.Row
		// Another database's transaction may hold rows back for a moment.
		testenv.Eventually(t, testPatience, func() bool {
			for more = true; more; {
				if rows, next, more, err = j.Since(t.Context(), next, 10); err != nil {
					t.Fatal(err)
				}
				for _, row := range rows {
					got = append(got, row.Name)
				}
			}
			return len(got) >= len(want)
		}, "all rows are settled")
		if !slices.Equal(got, want) {
			t.Errorf("Since: %q, want %q", got, want)
		}
		if end, err := j.End(t.Context()); err != nil || end != next {
			t.Errorf("End = %v, %v, want %v", end, err, next)
		}
		other := next
		other.Journal[0]++
		beyond := next
		beyond.ID += 1000
		for _, p := range []journal.Position{other, beyond, {}} {
			if _, _, _, err := j.Since(t.Context(), p, 10); !errors.Is(err, journal.ErrUnknownPosition) {
				t.Errorf("Since(%v): %v, want %v", p, err, journal.ErrUnknownPosition)
			}
		}
	})
}

func TestIdentityStays(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, url string) {
		first := open(t, journal.Config{URL: url})
		appendTags(t, first, "a")
		before, err := first.End(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		second := open(t, journal.Config{URL: url})
		after, err := second.End(t.Context())
		if err != nil || before.Journal != after.Journal {
			t.Errorf("the identity was %v and is %v, %v", before, after, err)
		}
		if !second.Durable() {
			t.Error("a journal in a database is not durable")
		}
	})
}

func TestRetention(t *testing.T) {
	t.Parallel()
	onAll(t, func(t *testing.T, url string) {
		j := open(t, journal.Config{URL: url, Retention: time.Second, PruneInterval: 100 * time.Millisecond})
		start, err := j.End(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		appendTags(t, j, numbered("old", 2500)...)
		testenv.Eventually(t, testPatience, func() bool { return j.Stats().Pruned == 2500 }, "old rows are removed")
		end, err := j.End(t.Context())
		if err != nil || end.Compare(start) <= 0 {
			t.Errorf("End = %v, %v, want the last row that was removed", end, err)
		}
		if _, _, _, err := j.Since(t.Context(), start, 10); !errors.Is(err, journal.ErrPruned) {
			t.Errorf("Since a position that is gone: %v", err)
		}
		appendTags(t, j, "new")
		testenv.Eventually(t, testPatience, func() bool {
			rows, _, _, err := j.Since(t.Context(), end, 10)
			return err == nil && len(rows) == 1 && rows[0].Name == "new"
		}, "what is new is still there")
	})
}

func TestAfterClose(t *testing.T) {
	t.Parallel()
	onAll(t, func(t *testing.T, url string) {
		j := open(t, journal.Config{URL: url})
		testenv.Eventually(t, testPatience, j.Alive, "the journal is followed")
		for range 2 {
			if err := j.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		_, appendErr := j.Append(t.Context(), tag("a"))
		_, endErr := j.End(t.Context())
		_, pruneErr := j.Prune(t.Context())
		for _, err := range []error{appendErr, endErr, pruneErr, j.CreateTable(t.Context())} {
			if !errors.Is(err, cache.ErrClosed) {
				t.Errorf("after Close: %v, want %v", err, cache.ErrClosed)
			}
		}
		if j.Alive() {
			t.Error("alive after Close")
		}
	})
}

func TestUnsubscribed(t *testing.T) {
	t.Parallel()
	j := open(t, journal.Config{})
	inside, release := make(chan struct{}), make(chan struct{})
	calls := 0
	stop := j.Subscribe(func([]journal.Row) {
		calls++
		close(inside)
		<-release
	})
	heard := record(t, j)
	appendTags(t, j, "a")
	<-inside
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	select {
	case <-stopped:
		t.Error("stop returned while the subscriber was running")
	default:
	}
	close(release)
	<-stopped
	appendTags(t, j, "b")
	heard.hears(t, "a", "b")
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
}

func TestMemoryIsWeaker(t *testing.T) {
	t.Parallel()
	j := open(t, journal.Config{})
	if j.Durable() || j.Schema() != "" {
		t.Error("a journal in memory is durable")
	}
	if err := j.PurgeTx(t.Context(), nil, "a"); !errors.Is(err, cache.ErrUnsupported) {
		t.Errorf("PurgeTx in memory: %v", err)
	}
	if err := j.PurgeSQLTx(t.Context(), nil, "a"); !errors.Is(err, cache.ErrUnsupported) {
		t.Errorf("PurgeSQLTx in memory: %v", err)
	}
}
