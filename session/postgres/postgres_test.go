package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/internal/sqlconn"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/postgres"
	"github.com/echoic-go/echoic/session/sessiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testenv.Wrap(m)) }

func openPool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	target, err := sqlconn.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	// Fewer connections than there are requests; and tests run in parallel.
	pool, err := sqlconn.OpenPostgres(t.Context(), target, sqlconn.PoolConfig{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func openStore(t testing.TB, url string, cfg postgres.Config) *postgres.Store {
	t.Helper()
	cfg.Pool = openPool(t, url)
	s, err := postgres.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	sessiontest.Run(t, func(t *testing.T) (a, b session.Store) {
		url := testenv.Postgres(t).Database(t)
		return openStore(t, url, postgres.Config{}), openStore(t, url, postgres.Config{})
	})
}

func TestCreateTableAtOnce(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	var wg sync.WaitGroup
	for range 8 {
		s, err := postgres.New(postgres.Config{Pool: openPool(t, url), CleanUp: -1})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range 3 {
				if err := s.CreateTable(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestMissingTable(t *testing.T) {
	t.Parallel()
	s, err := postgres.New(postgres.Config{Pool: openPool(t, testenv.Postgres(t).Database(t)), CleanUp: -1})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Fetch(t.Context(), "k")
	if err == nil || !strings.Contains(err.Error(), "echoic create-tables") {
		t.Errorf("Fetch without a table: %v, want the remedy", err)
	}
}

func TestCleanUp(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	s := openStore(t, url, postgres.Config{CleanUp: 20 * time.Millisecond})
	pool := openPool(t, url)
	// More than one batch, expired.
	const fill = `INSERT INTO sessions (token, data, expiry) SELECT 'k' || i, '\x00', now() - interval '1 day' FROM generate_series(1, 2500) i`
	if _, err := pool.Exec(t.Context(), fill); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Insert(t.Context(), "live", session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 10*time.Second, func() bool {
		var left int
		if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM sessions").Scan(&left); err != nil {
			t.Fatal(err)
		}
		return left == 1
	}, "only the live row is left")
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s := openStore(t, testenv.Postgres(t).Database(t), postgres.Config{})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s.StopCleanup() // that of scs would block
	if _, _, err := s.Fetch(t.Context(), "k"); !errors.Is(err, session.ErrClosed) {
		t.Errorf("Fetch after Close: %v, want ErrClosed", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if _, err := postgres.New(postgres.Config{}); err == nil {
		t.Error("New without a pool succeeds")
	}
}

// TestLayout: what scs's pgxstore has written is found, and the other way round.
func TestLayout(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	s := openStore(t, url, postgres.Config{})
	stock := pgxstore.NewWithCleanupInterval(openPool(t, url), 0)
	expiry := time.Now().Add(time.Hour)
	if err := stock.Commit("theirs", []byte("scs"), expiry); err != nil {
		t.Fatal(err)
	}
	rec, found, err := s.Fetch(t.Context(), "theirs")
	if err != nil || !found || string(rec.Data) != "scs" || rec.Expiry.Sub(expiry).Abs() > time.Second {
		t.Errorf("Fetch of what pgxstore wrote: %q until %v, %v, %v", rec.Data, rec.Expiry, found, err)
	}
	if _, err := s.Insert(t.Context(), "ours", session.Record{Data: []byte("echoic"), Expiry: expiry}); err != nil {
		t.Fatal(err)
	}
	data, found, err := stock.Find("ours")
	if err != nil || !found || string(data) != "echoic" {
		t.Errorf("pgxstore finds %q, %v, %v", data, found, err)
	}
}

// TestAsStoreOfSCS: the store can stand where scs wants one, but commits only
// through a session.Manager.
func TestAsStoreOfSCS(t *testing.T) {
	t.Parallel()
	s := openStore(t, testenv.Postgres(t).Database(t), postgres.Config{})
	var plain scs.IterableStore = s
	if _, err := plain.All(); err != nil {
		t.Error(err)
	}
	if err := s.Commit("t", []byte("x"), time.Now().Add(time.Hour)); !errors.Is(err, session.ErrUnmanaged) {
		t.Errorf("a blind commit: %v, want ErrUnmanaged", err)
	}
}

// TestKilled: sessions are alive after kill -9 and a restart.
func TestKilled(t *testing.T) {
	t.Parallel()
	server := testenv.NewPostgres(t, testenv.PostgresConfig{Durable: true})
	s := openStore(t, server.Database(t), postgres.Config{})
	sessions, err := session.New(session.Config{Store: s, HashTokens: true, StoreBudget: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for n := range 100 {
		tokens = append(tokens, login(t, sessions, fmt.Sprintf("user-%d", n)))
	}
	server.Kill()
	ctx := sessions.Context(t.Context(), tokens[0])
	var failed *session.StoreError
	if err := sessions.Preload(ctx); !errors.As(err, &failed) || strings.Contains(err.Error(), tokens[0]) {
		t.Errorf("Preload while Postgres is away: %v, want a StoreError without the token", err)
	}
	server.Restart()
	testenv.Eventually(t, 10*time.Second, func() bool {
		_, _, err := s.Fetch(t.Context(), "k")
		return err == nil
	}, "Postgres answers again")
	for n, token := range tokens {
		ctx := sessions.Context(t.Context(), token)
		if got, want := sessions.UserID(ctx), fmt.Sprintf("user-%d", n); got != want {
			t.Fatalf("after kill -9: user %q, want %q", got, want)
		}
	}
}

// login makes a session of the user and returns its token.
func login(t *testing.T, m *session.Manager, user string) string {
	t.Helper()
	ctx := m.Context(t.Context(), "")
	if err := m.Login(ctx, user); err != nil {
		t.Fatal(err)
	}
	token, _, err := m.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
