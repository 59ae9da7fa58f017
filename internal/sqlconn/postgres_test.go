package sqlconn_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/internal/sqlconn"
	"github.com/echoic-go/echoic/internal/testenv"
)

func parse(t *testing.T, text string) sqlconn.Target {
	t.Helper()
	target, err := sqlconn.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// edit changes the URL of a real server.
func edit(t *testing.T, text string, change func(u *url.URL)) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

func openPool(t *testing.T, text string, cfg sqlconn.PoolConfig) *pgxpool.Pool {
	t.Helper()
	pool, err := sqlconn.OpenPostgres(t.Context(), parse(t, text), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestOpenPostgres(t *testing.T) {
	t.Parallel()
	database := testenv.Postgres(t).Database(t)
	withName := edit(t, database, func(u *url.URL) { u.RawQuery += "&application_name=from%20url&pool_max_conns=3&connect_timeout=7" })
	tests := []struct {
		name, url, application string
		cfg                    sqlconn.PoolConfig
		conns                  int32
		timeout                time.Duration
	}{
		{"defaults", database, "echoic", sqlconn.PoolConfig{}, 0, 5 * time.Second},
		{"of the URL", withName, "from url", sqlconn.PoolConfig{}, 3, 7 * time.Second},
		{"of the configuration", withName, "given", sqlconn.PoolConfig{MaxConns: 2, ConnectTimeout: 6 * time.Second, ApplicationName: "given"}, 2, 6 * time.Second},
		{"lazy", database, "echoic", sqlconn.PoolConfig{Lazy: true}, 0, 5 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pool := openPool(t, test.url, test.cfg)
			var application string
			if err := pool.QueryRow(t.Context(), "SHOW application_name").Scan(&application); err != nil {
				t.Fatal(err)
			}
			if application != test.application {
				t.Errorf("application_name = %q, want %q", application, test.application)
			}
			if got := pool.Config().MaxConns; (test.conns > 0 && got != test.conns) || got < 2 {
				t.Errorf("MaxConns = %d, want %d", got, test.conns)
			}
			if got := pool.Config().ConnConfig.ConnectTimeout; got != test.timeout {
				t.Errorf("ConnectTimeout = %v, want %v", got, test.timeout)
			}
		})
	}
}

// silent listens and never answers.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

func TestOpenPostgresFails(t *testing.T) {
	t.Parallel()
	server := testenv.Postgres(t)
	database := server.Database(t)
	tests := []struct{ name, url, remedy string }{
		{"nothing listens", "postgres://u:s3cret@" + testenv.RefusedAddr(t) + "/app", "start Postgres there"},
		{"no such socket", "postgres://u:s3cret@/app?host=/nonexistent", "start Postgres there"},
		{"silence", "postgres://u:s3cret@" + silent(t) + "/app?sslmode=disable", "nothing answered within 500ms"},
		{"password", edit(t, database, func(u *url.URL) { u.User = url.UserPassword(server.User, "s3cret") }), "correct user and password"},
		{"database", edit(t, database, func(u *url.URL) { u.Path = "/nobody made this" }), `createdb "nobody made this"`},
		{"no TLS", edit(t, database, func(u *url.URL) { u.RawQuery = "sslmode=require" }), "sslmode=disable"},
		{"setting", edit(t, database, func(u *url.URL) { u.RawQuery += "&options=-c%20nosuch%3D1" }), "correct the URL or the server's settings"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			watch := testenv.NewStopwatch()
			cfg := sqlconn.PoolConfig{}
			if test.name == "silence" {
				cfg.ConnectTimeout = 500 * time.Millisecond
			}
			_, err := sqlconn.OpenPostgres(t.Context(), parse(t, test.url), cfg)
			var openErr *sqlconn.OpenError
			if !errors.As(err, &openErr) {
				t.Fatalf("OpenPostgres = %v, want an *OpenError", err)
			}
			if took := watch.Took(); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if !strings.Contains(openErr.Remedy, test.remedy) || !strings.Contains(err.Error(), sqlconn.Mask(test.url)) {
				t.Errorf("error %q; want the remedy %q and the URL %s", err, test.remedy, sqlconn.Mask(test.url))
			}
			for _, secret := range []string{"s3cret", server.Password} {
				if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n") {
					t.Errorf("a password or a line break is in %q", err)
				}
			}
		})
	}
}

func TestOpenPostgresRefuses(t *testing.T) {
	t.Parallel()
	postgres := parse(t, "postgres://u:s3cret@"+testenv.RefusedAddr(t)+"/app")
	tests := []struct {
		name   string
		target sqlconn.Target
		cfg    sqlconn.PoolConfig
		want   string
	}{
		{"SQLite", parse(t, "sqlite::memory:"), sqlconn.PoolConfig{}, "OpenSQLite"},
		{"nothing", sqlconn.Target{}, sqlconn.PoolConfig{}, "OpenSQLite"},
		{"connections", postgres, sqlconn.PoolConfig{MaxConns: -1}, "MaxConns is -1"},
		{"timeout", postgres, sqlconn.PoolConfig{ConnectTimeout: -1}, "ConnectTimeout is -1ns"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := sqlconn.OpenPostgres(t.Context(), test.target, test.cfg)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("OpenPostgres = %v, want %q", err, test.want)
			}
		})
	}
}

func TestOpenPostgresHonoursItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	watch := testenv.NewStopwatch()
	_, err := sqlconn.OpenPostgres(ctx, parse(t, "postgres://u:s3cret@"+silent(t)+"/app?sslmode=disable"), sqlconn.PoolConfig{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("OpenPostgres = %v, want an error that wraps %v", err, context.DeadlineExceeded)
	}
	if took := watch.Took(); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}
