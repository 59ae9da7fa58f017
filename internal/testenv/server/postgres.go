package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// PostgresUser is the superuser of every private server.
const PostgresUser = "echoic"

// PostgresConfig says how a Postgres server is started. The zero value is a
// fast server that must not be trusted with its data after a crash of the
// machine (fsync off), with a random password.
type PostgresConfig struct {
	// Addr is the loopback address to listen on. Defaults to a free port
	// of 127.0.0.1.
	Addr string
	// Password is the superuser's. Defaults to a random one, the same for all
	// servers of a workspace. In a kept workspace it has to be the one of the first
	// start.
	Password string
	// Durable leaves fsync, full_page_writes and synchronous_commit on, as
	// a server in production has them: for tests that kill it.
	Durable bool
	// Config are further lines for postgresql.conf, for example
	// "max_connections = 10". They come last and win.
	Config []string
}

// Postgres is a private Postgres server. It is safe for concurrent use.
type Postgres struct {
	// Addr is "127.0.0.1:port".
	Addr string
	// User is PostgresUser, a superuser.
	User string
	// Password is the user's.
	Password string
	// Dir is the data directory.
	Dir string

	sockets string
	proc    *process
}

// StartPostgres makes a database cluster, unless the workspace keeps one,
// starts a server on it and returns when it takes connections. As root it
// runs as user postgres or nobody. The error is a *MissingError if the
// programs are not installed.
func (w *Workspace) StartPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	bin, err := FindPostgres()
	if err != nil {
		return nil, err
	}
	cred, err := postgresUser()
	if err != nil {
		return nil, err
	}
	name, err := w.name("postgres")
	if err != nil {
		return nil, err
	}
	server := &Postgres{User: PostgresUser, Password: cfg.Password, Dir: filepath.Join(w.dir, name), sockets: filepath.Join(w.dir, name+"-s")}
	server.proc = &process{
		ws: w, name: name, dir: server.Dir, path: filepath.Join(bin, "postgres"), args: []string{"-D", server.Dir}, env: environ(server.Dir), cred: cred,
		shutdownSignal: syscall.SIGINT, endSignal: syscall.SIGQUIT, ready: server.ready,
	}
	if err := server.initialise(ctx, filepath.Join(bin, "initdb"), cred); err != nil {
		return nil, err
	}
	return server, server.proc.startOnFreePort(ctx, cfg.Addr, func(addr string) error {
		server.Addr = addr
		return server.writeConfig(cfg, cred)
	})
}

// initialise makes the directories, and a database cluster where there is none.
func (s *Postgres) initialise(ctx context.Context, initdb string, cred *syscall.Credential) error {
	for _, dir := range []string{s.Dir, s.sockets} {
		if err := errors.Join(os.MkdirAll(dir, 0o700), chown(cred, dir)); err != nil {
			return fmt.Errorf("server: postgres: %w", err)
		}
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "PG_VERSION")); err == nil {
		return nil
	}
	ws := s.proc.ws
	if s.Password != "" || ws.keep {
		s.Password = cmp.Or(s.Password, rand.Text())
		return s.initdb(ctx, initdb, cred, s.Dir)
	}
	// Servers with a random password share it, and copies of one cluster: initdb
	// takes a second, and there are tests with dozens of servers.
	ws.postgresMu.Lock()
	defer ws.postgresMu.Unlock()
	template := filepath.Join(ws.dir, "postgres-template")
	if ws.postgresPassword == "" {
		s.Password = rand.Text()
		// A start that was broken off may have left something.
		if err := errors.Join(os.RemoveAll(template), os.Mkdir(template, 0o700), chown(cred, template)); err != nil {
			return fmt.Errorf("server: postgres: %w", err)
		}
		if err := s.initdb(ctx, initdb, cred, template); err != nil {
			return err
		}
		ws.postgresPassword = s.Password
	}
	s.Password = ws.postgresPassword
	return s.run(ctx, cred, "cp", "-pPR", template+"/.", s.Dir)
}

// initdb makes a database cluster in dir, whose superuser has the server's password.
func (s *Postgres) initdb(ctx context.Context, initdb string, cred *syscall.Credential, dir string) error {
	passwords := filepath.Join(s.sockets, "password")
	if err := errors.Join(os.WriteFile(passwords, []byte(s.Password+"\n"), 0o600), chown(cred, passwords)); err != nil {
		return fmt.Errorf("server: postgres: %w", err)
	}
	err := s.run(ctx, cred, initdb, "-D", dir, "-U", s.User, "--pwfile", passwords, "-A", "scram-sha-256",
		"-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if err != nil {
		return err
	}
	if err := os.Remove(passwords); err != nil {
		return fmt.Errorf("server: postgres: %w", err)
	}
	return nil
}

// run runs a program as the server's user and waits for it.
func (s *Postgres) run(ctx context.Context, cred *syscall.Credential, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = s.Dir
	cmd.Env = environ(s.Dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: cred}
	if out, err := cmd.CombinedOutput(); err != nil {
		return &StartError{Server: s.proc.name, Err: fmt.Errorf("%s: %w", filepath.Base(program), err), Log: string(out)}
	}
	return nil
}

// writeConfig writes echoic.conf and has postgresql.conf include it, once.
func (s *Postgres) writeConfig(cfg PostgresConfig, cred *syscall.Credential) error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return fmt.Errorf("server: postgres address %q: %w", s.Addr, err)
	}
	lines := []string{
		"listen_addresses = '" + host + "'",
		"port = " + port,
		"unix_socket_directories = '" + s.sockets + "'",
		"max_connections = 200",
		"shared_buffers = 32MB",
		"jit = off",
		"logging_collector = off",
		"log_destination = 'stderr'",
		"timezone = 'UTC'",
	}
	if !cfg.Durable {
		lines = append(lines, "fsync = off", "full_page_writes = off", "synchronous_commit = off")
	}
	own := filepath.Join(s.Dir, "echoic.conf")
	if err := os.WriteFile(own, []byte(strings.Join(append(lines, cfg.Config...), "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("server: postgres: %w", err)
	}
	main := filepath.Join(s.Dir, "postgresql.conf")
	text, err := os.ReadFile(main)
	if err != nil {
		return fmt.Errorf("server: postgres: %w", err)
	}
	const include = "\ninclude 'echoic.conf'\n"
	if !strings.HasSuffix(string(text), include) {
		if err := os.WriteFile(main, append(text, include...), 0o600); err != nil {
			return fmt.Errorf("server: postgres: %w", err)
		}
	}
	return chown(cred, own)
}

// ready reads postmaster.pid, as pg_ctl does: its first line is the process
// id, its eighth the state.
func (s *Postgres) ready(_ context.Context, pid int) bool {
	data, err := os.ReadFile(filepath.Join(s.Dir, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(data), "\n")
	return len(lines) >= 8 && lines[0] == strconv.Itoa(pid) && strings.TrimSpace(lines[7]) == "ready"
}

// URL returns postgres://user:password@127.0.0.1:port/database?sslmode=disable.
func (s *Postgres) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(s.User, s.Password), Host: s.Addr, Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Kill ends the server and all its backends with SIGKILL, as a crash would,
// and waits for it.
func (s *Postgres) Kill() error { return s.proc.kill() }

// Stop freezes the server and all its backends (SIGSTOP): connections stay
// open, nothing answers.
func (s *Postgres) Stop() error { return s.proc.stop() }

// Cont lets a stopped server go on (SIGCONT).
func (s *Postgres) Cont() error { return s.proc.cont() }

// Shutdown ends the server in good order (a "fast" shutdown: transactions are
// rolled back, clients disconnected) and waits for it. Without a running
// server it does nothing.
func (s *Postgres) Shutdown() error { return s.proc.shutdown() }

// Restart starts the server again on the same port and data and returns when
// it takes connections. A running one is shut down first.
func (s *Postgres) Restart(ctx context.Context) error { return s.proc.restart(ctx) }

// Close ends the server at once and waits for it. Its files stay until the
// workspace is closed.
func (s *Postgres) Close() { s.proc.end() }

// PID returns the process id of the running server, or 0.
func (s *Postgres) PID() int { return s.proc.pid() }
