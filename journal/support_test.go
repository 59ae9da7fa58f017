package journal_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/journal"
)

// backends are the databases that both have to behave alike. Each call of new
// returns the URL of an empty one.
var backends = []struct {
	name string
	new  func(t testing.TB) string
}{
	{"postgres", func(t testing.TB) string { return testenv.Postgres(t).Database(t) }},
	{"sqlite", func(t testing.TB) string { return "sqlite://" + t.TempDir() + "/journal.db" }},
	{"memory", func(testing.TB) string { return "" }},
}

// onAll runs a test on each backend.
func onAll(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for _, backend := range backends {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			test(t, backend.new(t))
		})
	}
}

// onDatabases leaves the journal in memory out.
func onDatabases(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for _, backend := range backends[:2] {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			test(t, backend.new(t))
		})
	}
}

// open opens a journal with its table, in memory without a URL, closed when t
// ends.
func open(t testing.TB, cfg journal.Config) *journal.Journal {
	t.Helper()
	var (
		j   *journal.Journal
		err error
	)
	if cfg.URL == "" {
		j, err = journal.NewMemory(cfg)
	} else {
		cfg.AutoCreate = true
		j, err = journal.Open(t.Context(), cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return j
}

func tag(name string) cache.Invalidation {
	return cache.Invalidation{Kind: cache.InvalidTag, Name: name}
}

func appendTags(t testing.TB, j *journal.Journal, names ...string) cache.Receipt {
	t.Helper()
	list := make([]cache.Invalidation, len(names))
	for i, name := range names {
		list[i] = tag(name)
	}
	receipt, err := j.Append(t.Context(), list...)
	if err != nil {
		t.Fatalf("Append(%q): %v", names, err)
	}
	return receipt
}

// recorder keeps what a subscriber hears.
type recorder struct {
	mu   sync.Mutex
	rows []journal.Row
}

func record(t testing.TB, j *journal.Journal) *recorder {
	r := &recorder{}
	t.Cleanup(j.Subscribe(func(rows []journal.Row) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.rows = append(r.rows, rows...)
	}))
	return r
}

func (r *recorder) all() []journal.Row {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.rows)
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.rows)
}

func (r *recorder) names() []string {
	var names []string
	for _, row := range r.all() {
		names = append(names, row.Name)
	}
	return names
}

// hears waits until exactly these have arrived, in this order.
func (r *recorder) hears(t testing.TB, want ...string) {
	t.Helper()
	testenv.Eventually(t, testPatience, func() bool { return r.count() >= len(want) }, "%d rows arrive", len(want))
	if got := r.names(); !slices.Equal(got, want) {
		t.Fatalf("heard %q, want %q", got, want)
	}
}

// newPool is a pool that the test uses for itself.
func newPool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func numbered(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(prefix, i)
	}
	return names
}
