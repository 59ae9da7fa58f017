package testenv

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

// PostgresVariable is the environment variable with the URL of an existing
// Postgres server: postgres://user:password@host:port/database. The user has
// to be allowed to create databases.
const PostgresVariable = server.PostgresVariable

// adminTimeout bounds CREATE and DROP DATABASE.
const adminTimeout = time.Minute

// PostgresConfig is server.PostgresConfig: password, durability,
// configuration lines.
type PostgresConfig = server.PostgresConfig

// PostgresServer is a Postgres server as one test sees it.
type PostgresServer struct {
	// URL is that of the maintenance database ("postgres" on a private
	// server), in which tests create nothing: they use Database.
	URL string
	// Addr is host:port.
	Addr string
	// User may create databases; on a private server it is a superuser.
	User string
	// Password is the user's.
	Password string
	// Dir is the private server's data directory, empty for an existing
	// server.
	Dir string

	t       testing.TB
	private *server.Postgres // nil: a shared or an existing server
}

// sharedPostgres is the server behind every Postgres(t) of the process.
type sharedPostgres struct {
	view PostgresServer
}

// Postgres returns the shared Postgres server of this test binary, or the
// existing one that ECHOIC_TEST_POSTGRES_URL names. It ends the test if there
// is no server.
//
// The private server has fsync off and is not to be killed; that is for
// NewPostgres.
func Postgres(t testing.TB) *PostgresServer {
	t.Helper()
	common, err := shared.postgres.get(openSharedPostgres)
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	view := common.view
	view.t = t
	return &view
}

// NewPostgres starts a Postgres server for t alone and stops it when t ends.
// With Durable in cfg it is as safe as in production: for tests that kill it.
func NewPostgres(t testing.TB, cfg PostgresConfig) *PostgresServer {
	t.Helper()
	private, err := workspaceOf(t).StartPostgres(t.Context(), cfg)
	if err != nil {
		t.Fatalf("testenv: a dedicated Postgres server: %v", err)
	}
	t.Cleanup(private.Close)
	view := privatePostgres(private)
	view.t, view.private = t, private
	return &view
}

func privatePostgres(private *server.Postgres) PostgresServer {
	return PostgresServer{
		URL: private.URL("postgres"), Addr: private.Addr, User: private.User, Password: private.Password, Dir: private.Dir,
	}
}

func openSharedPostgres() (*sharedPostgres, error) {
	if text := os.Getenv(PostgresVariable); text != "" {
		return existingPostgres(text)
	}
	workspace, err := shared.open()
	if err != nil {
		return nil, err
	}
	private, err := workspace.StartPostgres(context.Background(), PostgresConfig{})
	if err != nil {
		return nil, err
	}
	return &sharedPostgres{view: privatePostgres(private)}, nil
}

func existingPostgres(text string) (*sharedPostgres, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		// The text may hold a password: it is not repeated.
		return nil, fmt.Errorf("%s is no URL of the form postgres://user:password@host:port/database; correct or unset it", PostgresVariable)
	}
	password, _ := u.User.Password()
	view := PostgresServer{URL: text, Addr: u.Host, User: u.User.Username(), Password: password}
	if err := view.admin("SELECT 1"); err != nil {
		return nil, fmt.Errorf("postgres at %s does not answer: %w; correct or unset %s", u.Host, err, PostgresVariable)
	}
	return &sharedPostgres{view: view}, nil
}

// Database creates an empty database with a random name and returns its URL.
// It is dropped when t ends, whoever is still connected to it.
func (s *PostgresServer) Database(t testing.TB) string {
	t.Helper()
	name := "echoic_test_" + strings.ToLower(rand.Text())
	// template0 never has connections, which CREATE DATABASE would refuse.
	if err := s.admin("CREATE DATABASE " + name + " TEMPLATE template0"); err != nil {
		t.Fatalf("testenv: %v", err)
	}
	t.Cleanup(func() {
		if s.private != nil {
			return // the server goes, or has gone, with all its databases
		}
		if err := s.admin("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("testenv: cleaning up after the test: %v", err)
		}
	})
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatalf("testenv: the server's URL: %v", err)
	}
	u.Path = "/" + name
	return u.String()
}

// admin runs one statement in the maintenance database.
func (s *PostgresServer) admin(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// Kill ends the dedicated server and all its backends with SIGKILL, as a
// crash would, and waits for it. Kill, Stop, Cont, Shutdown and Restart may be
// called from any goroutine; a failure fails the test.
func (s *PostgresServer) Kill() { s.t.Helper(); s.report("Kill", (*server.Postgres).Kill) }

// Stop freezes the dedicated server and all its backends (SIGSTOP): their
// connections stay open and nothing answers.
func (s *PostgresServer) Stop() { s.t.Helper(); s.report("Stop", (*server.Postgres).Stop) }

// Cont lets the stopped dedicated server go on (SIGCONT).
func (s *PostgresServer) Cont() { s.t.Helper(); s.report("Cont", (*server.Postgres).Cont) }

// Shutdown ends the dedicated server in good order and waits for it: clients
// are disconnected, their transactions rolled back.
func (s *PostgresServer) Shutdown() {
	s.t.Helper()
	s.report("Shutdown", (*server.Postgres).Shutdown)
}

// Restart starts the dedicated server again on the same port and data, and
// returns when it takes connections. A running one is shut down first.
func (s *PostgresServer) Restart() {
	s.t.Helper()
	s.report("Restart", func(p *server.Postgres) error { return p.Restart(s.t.Context()) })
}

func (s *PostgresServer) report(verb string, do func(*server.Postgres) error) {
	s.t.Helper()
	if s.private == nil {
		s.t.Errorf("testenv: %s of a Postgres server that other tests use; start a dedicated one with testenv.NewPostgres", verb)
		return
	}
	if err := do(s.private); err != nil {
		s.t.Errorf("testenv: %s: %v", verb, err)
	}
}
