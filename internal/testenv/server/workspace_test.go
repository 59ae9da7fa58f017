package server_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomodule/redigo/redis"
	"github.com/jackc/pgx/v5"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

func newWorkspace(t *testing.T) *server.Workspace {
	t.Helper()
	ws, err := server.NewWorkspace()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return ws
}

func TestWorkspaceCloseEndsServersAndRemovesFiles(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	r, err := ws.StartRedis(t.Context(), server.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := ws.StartPostgres(t.Context(), server.PostgresConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.Close(); err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{r.Addr, p.Addr} {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			t.Errorf("%s still takes connections", addr)
		}
	}
	if _, err := os.Stat(ws.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", ws.Dir(), err)
	}
	if r.PID() != 0 || p.PID() != 0 {
		t.Errorf("process ids %d and %d after Close", r.PID(), p.PID())
	}
}

func TestWorkspaceAfterClose(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	r, err := ws.StartRedis(t.Context(), server.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := ws.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	if _, err := ws.StartRedis(t.Context(), server.RedisConfig{}); !errors.Is(err, server.ErrClosed) {
		t.Errorf("StartRedis: %v; want ErrClosed", err)
	}
	if _, err := ws.StartPostgres(t.Context(), server.PostgresConfig{}); !errors.Is(err, server.ErrClosed) {
		t.Errorf("StartPostgres: %v; want ErrClosed", err)
	}
	if err := r.Restart(t.Context()); !errors.Is(err, server.ErrClosed) {
		t.Errorf("Restart: %v; want ErrClosed", err)
	}
	if err := r.Kill(); !errors.Is(err, server.ErrNotRunning) {
		t.Errorf("Kill: %v; want ErrNotRunning", err)
	}
}

func TestOpenWorkspaceKeepsData(t *testing.T) {
	t.Parallel()
	// Not t.TempDir: as root, Postgres' own user has to get there.
	parent := newWorkspace(t).Dir()
	dir := filepath.Join(parent, "kept")
	for round := range 2 {
		ws, err := server.OpenWorkspace(dir)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ws.StartRedis(t.Context(), server.RedisConfig{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := ws.StartPostgres(t.Context(), server.PostgresConfig{Password: "same", Durable: true})
		if err != nil {
			t.Fatal(err)
		}
		checkKept(t, round, r.URL(0), p.URL("postgres"))
		if _, err := server.OpenWorkspace(dir); err == nil || !strings.Contains(err.Error(), "in use") {
			t.Errorf("a second owner: %v; want an error that says in use", err)
		}
		if err := ws.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// checkKept counts the rounds in both servers.
func checkKept(t *testing.T, round int, redisURL, postgresURL string) {
	t.Helper()
	conn, err := redis.DialURL(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if n, err := redis.Int(conn.Do("INCR", "rounds")); err != nil || n != round+1 {
		t.Errorf("Redis counts %d rounds, %v; want %d", n, err, round+1)
	}
	db, err := pgx.Connect(t.Context(), postgresURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	var n int
	_, err = db.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS rounds (); INSERT INTO rounds DEFAULT VALUES")
	if err := errors.Join(err, db.QueryRow(t.Context(), "SELECT count(*) FROM rounds").Scan(&n)); err != nil || n != round+1 {
		t.Errorf("Postgres counts %d rounds, %v; want %d", n, err, round+1)
	}
}

func TestStartErrorShowsTheLog(t *testing.T) {
	t.Parallel()
	ws := newWorkspace(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	tests := []struct {
		name  string
		start func() error
		want  string
	}{
		{"redis, unknown setting", func() error {
			_, err := ws.StartRedis(t.Context(), server.RedisConfig{Config: []string{"no-such-setting 1"}})
			return err
		}, "no-such-setting"},
		{"redis, port taken", func() error {
			_, err := ws.StartRedis(t.Context(), server.RedisConfig{Addr: taken.Addr().String()})
			return err
		}, "Address already in use"},
		{"postgres, unknown setting", func() error {
			_, err := ws.StartPostgres(t.Context(), server.PostgresConfig{Config: []string{"no_such_setting = 1"}})
			return err
		}, "no_such_setting"},
		{"postgres, port taken", func() error {
			_, err := ws.StartPostgres(t.Context(), server.PostgresConfig{Addr: taken.Addr().String()})
			return err
		}, "Address already in use"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.start()
			var failure *server.StartError
			if !errors.As(err, &failure) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want a *StartError that shows %q", err, test.want)
			}
		})
	}
}
