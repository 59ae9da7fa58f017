package testenv_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/echoic-go/echoic/internal/testenv"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connecting to Postgres: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func query[T any](t *testing.T, conn *pgx.Conn, sql string) T {
	t.Helper()
	var value T
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func TestPostgresDatabaseIsEmptyAndOwn(t *testing.T) {
	t.Parallel()
	server := testenv.Postgres(t)
	a, b := server.Database(t), server.Database(t)
	if a == b {
		t.Fatal("two calls of Database return the same database")
	}
	exec(t, connect(t, a), "CREATE TABLE t (id int)")
	tables := query[int](t, connect(t, b), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
	if tables != 0 {
		t.Errorf("the second database has %d tables of the first", tables)
	}
}

func TestPostgresDatabasesInParallel(t *testing.T) {
	t.Parallel()
	server := testenv.Postgres(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			conn, err := pgx.Connect(t.Context(), server.Database(t))
			if err != nil {
				t.Error(err)
				return
			}
			if err := conn.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestPostgresDropsDatabases(t *testing.T) {
	t.Parallel()
	server := testenv.Postgres(t)
	var name string
	t.Run("stays connected", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), server.Database(t))
		if err != nil {
			t.Fatal(err)
		}
		name = query[string](t, conn, "SELECT current_database()")
	})
	left := query[int](t, connect(t, server.URL), "SELECT count(*) FROM pg_database WHERE datname = '"+name+"'")
	if name == "" || left != 0 {
		t.Errorf("database %q of an ended test is still there", name)
	}
}

func TestPostgresAsksForItsPassword(t *testing.T) {
	t.Parallel()
	server := testenv.Postgres(t)
	url := "postgres://" + server.User + ":wrong@" + server.Addr + "/postgres?sslmode=disable"
	if conn, err := pgx.Connect(t.Context(), url); err == nil {
		_ = conn.Close(t.Context())
		t.Error("a wrong password was accepted")
	}
}

func TestPostgresRestartKeepsData(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func(*testenv.PostgresServer)
	}{
		{"while running", func(*testenv.PostgresServer) {}},
		{"after shutdown", (*testenv.PostgresServer).Shutdown},
		{"after kill", (*testenv.PostgresServer).Kill},
	}
	server := testenv.NewPostgres(t, testenv.PostgresConfig{Durable: true, Config: []string{"max_connections = 17"}})
	url := server.Database(t)
	exec(t, connect(t, url), "CREATE TABLE kept (id int)")
	for row, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			exec(t, connect(t, url), "INSERT INTO kept VALUES (1)")
			test.end(server)
			server.Restart()
			conn := connect(t, url)
			if got := query[int](t, conn, "SELECT count(*) FROM kept"); got != row+1 {
				t.Errorf("%d rows after restart, want %d", got, row+1)
			}
			if got := query[string](t, conn, "SHOW max_connections"); got != "17" {
				t.Errorf("max_connections = %s, want the configured 17", got)
			}
			if got := query[string](t, conn, "SHOW fsync"); got != "on" {
				t.Errorf("fsync of a durable server is %s", got)
			}
		})
	}
}

func TestPostgresStopReachesBackends(t *testing.T) {
	t.Parallel()
	server := testenv.NewPostgres(t, testenv.PostgresConfig{})
	conn := connect(t, server.URL)
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := conn.Exec(ctx, "SELECT 1"); err == nil {
		t.Error("a connection of the stopped server answers")
	}
	server.Cont()
	if got := query[int](t, connect(t, server.URL), "SELECT 1"); got != 1 {
		t.Errorf("SELECT 1 = %d", got)
	}
}

// Servers begin with copies of one cluster, and have nothing in common after that.
func TestNewPostgresIsAlone(t *testing.T) {
	t.Parallel()
	one, other := testenv.NewPostgres(t, testenv.PostgresConfig{}), testenv.NewPostgres(t, testenv.PostgresConfig{Password: "own"})
	third := testenv.NewPostgres(t, testenv.PostgresConfig{Durable: true})
	one.Database(t)
	for _, server := range []*testenv.PostgresServer{one, other, third} {
		want := 0
		if server == one {
			want = 1
		}
		n := query[int](t, connect(t, server.URL), "SELECT count(*) FROM pg_database WHERE datname LIKE 'echoic_test_%'")
		if n != want {
			t.Errorf("%s has %d databases of tests, want %d", server.Addr, n, want)
		}
	}
	if one.Password == "" || other.Password != "own" || third.Dir == one.Dir {
		t.Errorf("passwords %t, %q; directories %q, %q", one.Password != "", other.Password, one.Dir, third.Dir)
	}
}
