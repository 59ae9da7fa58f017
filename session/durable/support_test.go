package durable_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/sqlconn"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/durable"
	"github.com/echoic-go/echoic/session/postgres"
	"github.com/echoic-go/echoic/session/redis"
	"github.com/echoic-go/echoic/session/sqlite"
)

func TestMain(m *testing.M) {
	testenv.Parallel(4)
	goleak.VerifyTestMain(testenv.Wrap(m),
		// rueidis looks at the topology up to a second after it was asked to,
		// whether it was closed meanwhile or not.
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"),
	)
}

const (
	// patience is for what takes as long as a busy machine lets it.
	patience = time.Minute // the longest timeout there is
	long     = 5 * time.Second
	// calm is for tests without outages.
	calm = true
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func closing(t testing.TB, close func() error) {
	t.Cleanup(func() {
		if err := close(); err != nil {
			t.Error(err)
		}
	})
}

func openPostgres(t testing.TB, url string) durable.Database {
	t.Helper()
	target, err := sqlconn.Parse(url)
	must(t, err)
	pool, err := sqlconn.OpenPostgres(context.Background(), target, sqlconn.PoolConfig{MaxConns: 4})
	must(t, err)
	t.Cleanup(pool.Close)
	s, err := postgres.New(postgres.Config{Pool: pool})
	must(t, err)
	closing(t, s.Close)
	must(t, s.CreateTable(t.Context()))
	return s
}

func openSQLite(t testing.TB, path string) durable.Database {
	t.Helper()
	target, err := sqlconn.Parse("sqlite:" + path)
	must(t, err)
	db, err := sqlconn.OpenSQLite(t.Context(), target)
	must(t, err)
	closing(t, db.Close)
	s, err := sqlite.New(sqlite.Config{DB: db})
	must(t, err)
	closing(t, s.Close)
	must(t, s.CreateTable(t.Context()))
	return s
}

// databases are ways to open the same new database several times.
func databases() map[string]func(t testing.TB) func() durable.Database {
	return map[string]func(t testing.TB) func() durable.Database{
		"postgres": func(t testing.TB) func() durable.Database {
			url := testenv.Postgres(t).Database(t)
			return func() durable.Database { return openPostgres(t, url) }
		},
		"sqlite": func(t testing.TB) func() durable.Database {
			path := filepath.Join(t.(interface{ TempDir() string }).TempDir(), "sessions.db")
			return func() durable.Database { return openSQLite(t, path) }
		},
	}
}

// server is one app server's store, with what it stands on.
type server struct {
	*durable.Store
	fast redis.Sessions
}

// open opens a store on a database and a Redis.
func open(t testing.TB, db durable.Database, cfg redis.OpenConfig, calm bool) *server {
	t.Helper()
	return openWith(t, db, cfg, func(cfg durable.Config) (*durable.Store, error) {
		if calm {
			return durable.Open(t.Context(), cfg, patience)
		}
		return durable.New(t.Context(), cfg)
	})
}

func openWith(t testing.TB, db durable.Database, cfg redis.OpenConfig, open func(durable.Config) (*durable.Store, error)) *server {
	t.Helper()
	target, err := redisconn.Parse(cfg.URL)
	must(t, err)
	own := &server{}
	wrapped := durable.Config{Database: db, Cluster: target.Kind() == redisconn.Cluster, Fast: func(check func(context.Context, string) error) (durable.Fast, error) {
		cfg.Check = check
		var err error
		own.fast, err = redis.Open(context.Background(), cfg)
		return own.fast, err
	}}
	s, err := open(wrapped)
	must(t, err)
	closing(t, own.fast.Close)
	closing(t, s.Close)
	own.Store = s
	return own
}

// await waits until the servers read copies of one epoch.
func await(t testing.TB, servers ...*server) {
	t.Helper()
	testenv.Eventually(t, patience, func() bool {
		epoch := servers[0].Epoch()
		for _, s := range servers {
			_, _, _ = s.Fetch(t.Context(), "nobody's")
			if epoch == "" || s.Epoch() != epoch {
				return false
			}
		}
		return true
	}, "all servers read copies of one epoch")
}

func manager(t testing.TB, s session.Store) *session.Manager {
	t.Helper()
	m, err := session.New(session.Config{Store: s, HashTokens: true, StoreBudget: long, Timeout: long})
	must(t, err)
	return m
}

// login makes a session of the user and returns its token.
func login(t testing.TB, m *session.Manager, user string) string {
	t.Helper()
	ctx := m.Context(t.Context(), "")
	must(t, m.Login(ctx, user))
	token, _, err := m.Commit(ctx)
	must(t, err)
	return token
}

// put changes a session; get reads it.
func put(t testing.TB, m *session.Manager, token, key, value string) {
	t.Helper()
	ctx := m.Context(t.Context(), token)
	m.Put(ctx, key, value)
	_, _, err := m.Commit(ctx)
	must(t, err)
}

// read returns the user and a value of a session. Reads that a busy machine has not
// let end in time are made again.
func read(t testing.TB, m *session.Manager, token, key string) (user, value string) {
	t.Helper()
	testenv.Eventually(t, patience, func() bool {
		ctx := m.Context(t.Context(), token)
		if m.Preload(ctx) != nil {
			return false
		}
		user, value = m.UserID(ctx), m.GetString(ctx, key)
		return true
	}, "a session is read")
	return user, value
}

func name(n int) string { return fmt.Sprintf("user-%d", n) }
