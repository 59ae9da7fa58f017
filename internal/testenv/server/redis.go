package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gomodule/redigo/redis"
)

// startTries is how often a new server is given another port when its port
// was taken between the choice and the start.
const startTries = 5

// RedisConfig says how a Redis server is started. The zero value is a server
// with a random password, 16 databases and an append-only file, which loses
// nothing that it acknowledged when it is killed. A crash of the machine may
// lose something (appendfsync no).
type RedisConfig struct {
	// Addr is the loopback address to listen on. Defaults to a free port
	// of 127.0.0.1.
	Addr string
	// Password is what clients have to present (requirepass). Defaults to
	// a random one.
	Password string
	// NoPassword lets everybody in who reaches the address.
	NoPassword bool
	// Databases is the number of databases. Defaults to 16.
	Databases int
	// InMemory turns the append-only file off: a restart comes up empty.
	InMemory bool
	// Cluster makes a cluster node without slots. Its bus has the port of Addr
	// plus 10000.
	Cluster bool
	// Sentinel makes a sentinel, which Config tells what to watch.
	Sentinel bool
	// TLS, if not nil, makes the port speak TLS only and ask clients for a
	// certificate. The unix socket stays as it is.
	TLS *Certificates
	// Config are further lines for redis.conf, for example
	// "maxmemory 10mb". They come last and win.
	Config []string
}

// Redis is a private Redis server. It is safe for concurrent use.
type Redis struct {
	// Addr is "127.0.0.1:port".
	Addr string
	// Password is empty for a server without one.
	Password string
	// Socket is the path of its unix socket, which needs the same password.
	Socket string
	// Dir is the directory with its data and redis.conf.
	Dir string

	tls  bool
	proc *process
}

// StartRedis starts a server and returns when it takes commands. The error is
// a *MissingError if no program is installed.
func (w *Workspace) StartRedis(ctx context.Context, cfg RedisConfig) (*Redis, error) {
	program, err := FindRedis()
	if err != nil {
		return nil, err
	}
	name, err := w.name("redis")
	if err != nil {
		return nil, err
	}
	server := &Redis{Dir: filepath.Join(w.dir, name), Socket: filepath.Join(w.dir, name+".sock"), Password: cfg.Password}
	if server.Password == "" && !cfg.NoPassword {
		server.Password = rand.Text()
	}
	if err := os.MkdirAll(server.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("server: redis: %w", err)
	}
	args := []string{"redis.conf"}
	if cfg.Sentinel {
		args = append(args, "--sentinel")
	}
	server.proc = &process{
		ws: w, name: name, dir: server.Dir, path: program, args: args, env: environ(server.Dir),
		shutdownSignal: syscall.SIGTERM, endSignal: syscall.SIGKILL, ready: server.ready,
	}
	server.tls = cfg.TLS != nil
	free := FreeAddr
	if cfg.Cluster {
		free = freeClusterAddr
	}
	return server, server.proc.startOnPort(ctx, cfg.Addr, free, func(addr string) error {
		server.Addr = addr
		return server.writeConfig(cfg)
	})
}

func (s *Redis) writeConfig(cfg RedisConfig) error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return fmt.Errorf("server: redis address %q: %w", s.Addr, err)
	}
	lines := []string{
		"bind " + host,
		"unixsocket " + quote(s.Socket),
		"unixsocketperm 700",
		"dir " + quote(s.Dir),
		"daemonize no",
	}
	if cfg.TLS != nil {
		lines = append(lines, "port 0", "tls-port "+port)
		lines = append(lines, cfg.TLS.lines()...)
	} else {
		lines = append(lines, "port "+port)
	}
	if !cfg.Sentinel {
		// With everysec, Redis's default, what is written while the disk syncs is
		// acknowledged up to two seconds before it is in the file. A kill of the
		// process loses nothing that is: it needs no sync.
		lines = append(lines, "appendfsync no", `save ""`, "appendonly "+yesNo(!cfg.InMemory), "databases "+strconv.Itoa(max(cfg.Databases, 16)))
	}
	if cfg.Cluster {
		lines = append(lines, "cluster-enabled yes")
	}
	if s.Password != "" {
		lines = append(lines, "requirepass "+quote(s.Password))
	}
	lines = append(lines, cfg.Config...)
	text := strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(s.Dir, "redis.conf"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("server: redis: %w", err)
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// quote puts text in the double quotes of redis.conf.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// ready asks over the unix socket: on the port somebody else's server might
// answer.
func (s *Redis) ready(ctx context.Context, _ int) bool {
	options := []redis.DialOption{
		redis.DialConnectTimeout(time.Second), redis.DialReadTimeout(time.Second), redis.DialWriteTimeout(time.Second),
	}
	conn, err := redis.DialContext(ctx, "unix", s.Socket, options...)
	if err != nil {
		return false
	}
	defer conn.Close()
	if s.Password != "" {
		if _, err := conn.Do("AUTH", s.Password); err != nil {
			return refused(err)
		}
	}
	_, err = conn.Do("PING")
	return err == nil || refused(err)
}

// refused says whether err is an answer of a running server that has loaded
// its data: with a user list of the caller's in Config the password may mean
// nothing.
func refused(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer) && !strings.HasPrefix(string(answer), "LOADING")
}

// URL returns redis://[:password@]127.0.0.1:port/database, rediss://… with TLS.
func (s *Redis) URL(database int) string {
	scheme := "redis"
	if s.tls {
		scheme = "rediss"
	}
	u := url.URL{Scheme: scheme, Host: s.Addr, Path: "/" + strconv.Itoa(database)}
	if s.Password != "" {
		u.User = url.UserPassword("", s.Password)
	}
	return u.String()
}

// Kill ends the server with SIGKILL, as a crash would, and waits for it.
func (s *Redis) Kill() error { return s.proc.kill() }

// Stop freezes the server (SIGSTOP): connections stay open, nothing answers.
func (s *Redis) Stop() error { return s.proc.stop() }

// Cont lets a stopped server go on (SIGCONT).
func (s *Redis) Cont() error { return s.proc.cont() }

// Shutdown ends the server in good order and waits for it. Without a running
// server it does nothing.
func (s *Redis) Shutdown() error { return s.proc.shutdown() }

// Restart starts the server again on the same port, with the data that it
// kept, and returns when it takes commands. A running one is shut down first.
func (s *Redis) Restart(ctx context.Context) error { return s.proc.restart(ctx) }

// Close ends the server at once and waits for it. Its files stay until the
// workspace is closed.
func (s *Redis) Close() { s.proc.end() }

// PID returns the process id of the running server, or 0.
func (s *Redis) PID() int { return s.proc.pid() }
