package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/echoic-go/echoic/internal/faultproxy"
	"github.com/echoic-go/echoic/internal/testenv"
)

// SeedVariable is the environment variable that sets the seed of all tests.
const SeedVariable = "ECHOIC_CHAOS_SEED"

// Config says what a World has. One of Redis, RedisURL and SQLite is required.
type Config struct {
	// Apps is the number of app processes. Defaults to 2.
	Apps int
	// Redis is one server; each app reaches it through a proxy.
	Redis *testenv.RedisServer
	// RedisURL is used instead of Redis for what is more than one server, whose
	// addresses clients learn from it. No proxy stands in between.
	RedisURL string
	// Postgres is the database server. Defaults to the shared one.
	Postgres *testenv.PostgresServer
	// Database is the URL of an empty database on it. Defaults to a new one.
	Database string
	// SQLite, if not empty, is the file that the toolkit uses instead of
	// Postgres, in which the site's own rows stay. Without Redis and RedisURL
	// the cache and the sessions are in it, too.
	SQLite string
	// Skew is how much the clocks of the apps are ahead of the machine's.
	Skew []time.Duration
	// Keys is the number of rows, and of plain values. Defaults to 40.
	Keys int
	// Bound is how long after an acknowledgement an app may still not know of
	// it. Defaults to two seconds, which is for faults; see World.SetBound.
	Bound time.Duration
}

// World is the servers, the apps and the proxies of one test.
type World struct {
	Apps   []*App
	Oracle *Oracle
	Seed   uint64

	t        testing.TB
	cfg      Config
	database string // URL, not through a proxy
	base     []int  // goroutines of the apps at rest
	allowed  allowances
}

// New starts a world for t, with all apps serving, and ends it with t.
func New(t testing.TB, cfg Config) *World {
	t.Helper()
	cfg.Apps, cfg.Keys = orDefault(cfg.Apps, 2), orDefault(cfg.Keys, 40)
	cfg.Bound = orDefault(cfg.Bound, 2*time.Second)
	if cfg.Postgres == nil {
		cfg.Postgres = testenv.Postgres(t)
	}
	if cfg.Database == "" {
		cfg.Database = cfg.Postgres.Database(t)
	}
	w := &World{t: t, cfg: cfg, Seed: Seed(t), database: cfg.Database}
	w.Oracle = NewOracle(cfg.Bound)
	if err := w.fill(t.Context()); err != nil {
		t.Fatalf("chaos: the site's rows: %v", err)
	}
	for i := range cfg.Apps {
		app := w.newApp(string(rune('A' + i)))
		if i < len(cfg.Skew) {
			app.set.Skew = cfg.Skew[i]
		}
		w.Apps = append(w.Apps, app)
	}
	for _, app := range w.Apps {
		app.Start()
	}
	t.Cleanup(w.end)
	return w
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// Seed returns the seed of a test, and logs it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	n := rand.Uint64N(1_000_000)
	if text := os.Getenv(SeedVariable); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("chaos: %s: %v; set a number", SeedVariable, err)
		}
	}
	t.Logf("seed %d (%s=%d repeats it)", n, SeedVariable, n)
	return n
}

// fill makes the site's rows.
func (w *World) fill(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, w.database)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, createRows); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `INSERT INTO chaos_row SELECT 'k' || n, 1 FROM generate_series(0, $1::int - 1) n`, w.cfg.Keys)
	return err
}

// Row returns the version of a row as the database has it.
func (w *World) Row(key string) int64 {
	w.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, w.database)
	if err != nil {
		w.t.Fatalf("chaos: %v", err)
	}
	defer conn.Close(ctx)
	var version int64
	if err := conn.QueryRow(ctx, "SELECT version FROM chaos_row WHERE key = $1", key).Scan(&version); err != nil {
		w.t.Fatalf("chaos: row %s: %v", key, err)
	}
	return version
}

// key returns the name of row or value number n.
func (w *World) key(n int) string { return "k" + strconv.Itoa(n%w.cfg.Keys) }

func (w *World) newApp(name string) *App {
	w.t.Helper()
	app := &App{Name: name, t: w.t, logs: &logTail{}, set: settings{
		Name: name, RedisURL: w.cfg.RedisURL, Prefix: "chaos",
	}}
	app.Postgres, app.set.DatabaseURL = w.behindProxy(w.database)
	if w.cfg.SQLite != "" {
		app.set.RowsURL, app.set.DatabaseURL = app.set.DatabaseURL, "sqlite:"+w.cfg.SQLite
	}
	if w.cfg.Redis != nil {
		app.Redis, app.set.RedisURL = w.behindProxy(w.cfg.Redis.URL)
		app.set.Prefix = w.cfg.Redis.Prefix
	}
	return app
}

// behindProxy starts a proxy before the server of a URL and returns the URL that
// leads through it.
func (w *World) behindProxy(raw string) (*faultproxy.Proxy, string) {
	w.t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		w.t.Fatal("chaos: the URL of a test server cannot be parsed")
	}
	proxy, err := faultproxy.Start(faultproxy.Config{Target: u.Host, Seed: w.Seed})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			w.t.Error(err)
		}
	})
	u.Host = proxy.Addr()
	return proxy, u.String()
}

// end closes all apps, and shows what they logged if the test has failed.
func (w *World) end() {
	for _, app := range w.Apps {
		app.Close()
		if w.t.Failed() {
			w.t.Logf("log of app %s:\n%s", app.Name, app.logs)
		}
	}
}

// Healed removes the faults of all proxies.
func (w *World) Healed() {
	w.t.Helper()
	for _, app := range w.Apps {
		for _, proxy := range []*faultproxy.Proxy{app.Redis, app.Postgres} {
			if proxy == nil {
				continue
			}
			if err := proxy.Heal(); err != nil {
				w.t.Error(err)
			}
		}
	}
}

const (
	// recoveryTarget is how soon an app has to use a store that is back.
	recoveryTarget = 2 * time.Second
	// patience is what a busy machine may add to anything.
	patience = 60 * time.Second
)

// AwaitRecovery returns when all apps use the shared store again, for the cache
// and for sessions, and how long that took.
func (w *World) AwaitRecovery() time.Duration {
	w.t.Helper()
	begun := time.Now()
	for _, app := range w.Apps {
		var why string
		testenv.Eventually(w.t, patience, func() bool {
			stats, err := app.Stats("probe=1")
			why = stats.Why
			if err != nil {
				why = err.Error()
			}
			return err == nil && stats.Healthy
		}, "app %s uses the store again%s", app.Name, lazy(func() string { return ": " + why }))
		w.awaitSessions(app)
	}
	took := time.Since(begun)
	verdict := "as it should"
	if took > recoveryTarget {
		verdict = fmt.Sprintf("later than %v", recoveryTarget)
	}
	w.t.Logf("recovered within %v, %s", took.Round(time.Millisecond), verdict)
	return took
}

// everyNode is how many logins in a row say that sessions are kept everywhere:
// each goes to a slot of its own, and while one of three nodes is away, two of
// three logins succeed.
const everyNode = 32

// awaitSessions waits until an app keeps sessions again, on all nodes.
func (w *World) awaitSessions(app *App) {
	w.t.Helper()
	var last Result
	testenv.Eventually(w.t, patience, func() bool {
		for range everyNode {
			if last = w.Visitor("probe").Login(app); last.Outcome != OK {
				return false
			}
		}
		return true
	}, "app %s lets users log in again%s", app.Name, lazy(func() string { return ": " + last.Detail }))
}

// lazy is a text that is made when it is needed.
type lazy func() string

func (l lazy) String() string { return l() }

// goroutineSlack is how many goroutines more than at rest an app may have: one
// more connection of a pool, a background refresh that ends.
const goroutineSlack = 12

// AtRest notes how many goroutines the apps have without load. It asks the
// pages once, so that everything is there that is made at first use.
func (w *World) AtRest() {
	w.t.Helper()
	w.base = nil
	for _, app := range w.Apps {
		stats, err := app.Stats("")
		if err != nil {
			w.t.Fatalf("chaos: app %s: %v", app.Name, err)
		}
		w.base = append(w.base, stats.Goroutines)
	}
}

// RequireRest checks that the apps are back to what AtRest saw.
func (w *World) RequireRest() {
	w.t.Helper()
	var report []string
	for i, app := range w.Apps {
		var now int
		testenv.Eventually(w.t, patience, func() bool {
			stats, err := app.Stats("")
			now = stats.Goroutines
			return err == nil && now <= w.base[i]+goroutineSlack
		}, "app %s has as many goroutines as before (%d); it has %s", app.Name, w.base[i], lazy(func() string { return strconv.Itoa(now) }))
		report = append(report, fmt.Sprintf("%s %d (before %d)", app.Name, now, w.base[i]))
	}
	w.t.Logf("goroutines at rest: %s", strings.Join(report, ", "))
}
