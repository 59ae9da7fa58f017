package echoic_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/testenv"
)

// forEachShared runs test in the configurations in which servers share a store.
func forEachShared(t *testing.T, test func(t *testing.T, cfg echoic.Config)) {
	forEachMode(t, func(t *testing.T, cfg echoic.Config) {
		if plan := cfg.Plan(); plan.Cache != echoic.Memory {
			test(t, cfg)
		}
	})
}

// holds waits until the app serves the value without asking a store.
func holds(t *testing.T, app *echoic.App) {
	t.Helper()
	testenv.Eventually(t, 10*time.Second, app.Near.Verified, "changes by others arrive")
}

func TestPurgeReachesTheOtherServer(t *testing.T) {
	t.Parallel()
	forEachShared(t, func(t *testing.T, cfg echoic.Config) {
		a, b := open(t, cfg), open(t, cfg)
		holds(t, a)
		holds(t, b)
		var source atomic.Int64
		sites := [2]*visitor{{site: newQuotesSite(a)}, {site: newQuotesSite(b)}}
		show := func(v *visitor) string {
			v.site.text.Store(source.Load())
			_, body := v.do(t, "GET", "/")
			return body
		}
		for n := range 20 {
			want := fmt.Sprintf("<p>quote %d ", n)
			for range 2 {
				for i, v := range sites {
					got := func() bool { return strings.HasPrefix(show(v), want) }
					if i == n%2 { // who wrote sees it at once
						if !got() {
							t.Fatalf("after edit %d the server that made it shows %.20q", n, show(v))
						}
						continue
					}
					testenv.Within(t, 2*time.Second, got, "the other server shows the edit")
				}
			}
			source.Store(int64(n + 1))
			editor := []*echoic.App{a, b}[(n+1)%2]
			if err := editor.Cache.Purge(t.Context(), "quote"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestOutboxReachesAllServers(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, cfg echoic.Config) {
		if cfg.DatabaseURL == "" {
			return // there is no transaction to join
		}
		a := open(t, cfg)
		b := a
		if a.Plan.Cache != echoic.Memory { // which others cannot see
			b = open(t, cfg)
		}
		values := func(app *echoic.App) string {
			v, err := cache.Of[string](app.Cache).GetOr(t.Context(), "k", "-")
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if _, err := cache.Of[string](a.Cache).Set(t.Context(), "k", "v", cache.WithTags("tag"), cache.TTL(time.Hour)); err != nil {
			t.Fatal(err)
		}
		purge, commit := inTransaction(t, cfg)
		purge(a)
		for _, app := range []*echoic.App{a, b} {
			if got := values(app); got != "v" {
				t.Fatalf("before the commit the value is %q", got)
			}
		}
		commit()
		for _, app := range []*echoic.App{a, b} {
			testenv.Within(t, 2*time.Second, func() bool { return values(app) == "-" }, "the purge of the committed transaction is seen")
		}
	})
}

// inTransaction begins a transaction in cfg's database.
func inTransaction(t *testing.T, cfg echoic.Config) (purge func(*echoic.App), commit func()) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	if cfg.Plan().Database == echoic.SQLite {
		db, err := sql.Open("sqlite", strings.TrimPrefix(cfg.DatabaseURL, "sqlite:")+"?_pragma=busy_timeout(5000)&_txlock=immediate")
		must(err)
		t.Cleanup(func() { must(db.Close()) })
		tx, err := db.BeginTx(t.Context(), nil)
		must(err)
		return func(app *echoic.App) { must(app.Journal.PurgeSQLTx(t.Context(), tx, "tag")) }, func() { must(tx.Commit()) }
	}
	conn, err := pgx.Connect(t.Context(), cfg.DatabaseURL)
	must(err)
	t.Cleanup(func() { must(conn.Close(context.WithoutCancel(t.Context()))) })
	tx, err := conn.Begin(t.Context())
	must(err)
	return func(app *echoic.App) { must(app.Journal.PurgeTx(t.Context(), tx, "tag")) }, func() { must(tx.Commit(t.Context())) }
}

func TestOneRunAmongAllServers(t *testing.T) {
	t.Parallel()
	forEachShared(t, func(t *testing.T, cfg echoic.Config) {
		apps := []*echoic.App{open(t, cfg), open(t, cfg), open(t, cfg)}
		var runs int64
		var group sync.WaitGroup
		sites := make([]*quotesSite, len(apps))
		for i, app := range apps {
			sites[i] = newQuotesSite(app)
		}
		for i := range 60 {
			group.Go(func() {
				v := &visitor{site: sites[i%len(sites)]}
				if res, body := v.do(t, "GET", "/"); res.StatusCode != 200 || !strings.HasPrefix(body, "<p>quote 0 ") {
					t.Errorf("%d %.20q", res.StatusCode, body)
				}
			})
		}
		group.Wait()
		for _, s := range sites {
			runs += s.runs.Load()
		}
		if runs != 1 {
			t.Errorf("%d runs of the handler, want 1", runs)
		}
	})
}
