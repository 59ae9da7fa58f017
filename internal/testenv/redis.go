package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

// RedisVariable is the environment variable with the URL of an existing Redis
// server: redis://[[user]:password@]host:port[/database].
const RedisVariable = server.RedisVariable

// sharedDatabases is how many tests can hold a database number of the shared
// server at the same time.
const sharedDatabases = 512

// RedisConfig is server.RedisConfig: password, configuration lines, number of
// databases, persistence.
type RedisConfig = server.RedisConfig

// RedisServer is a Redis server as one test sees it.
type RedisServer struct {
	// URL is redis://[user][:password@]host:port/DB.
	URL string
	// Addr is host:port.
	Addr string
	// Password is empty for a server without one.
	Password string
	// DB is the database number in URL. On a private server nobody else
	// uses it; on an existing one it is the number that was configured.
	DB int
	// Prefix is random. Keys that start with it are deleted when the test
	// ends.
	Prefix string
	// Dir is the private server's data directory, empty for an existing
	// server.
	Dir string
	// Socket is the path of the private server's unix socket, empty for an
	// existing server.
	Socket string

	t       testing.TB
	private *server.Redis // nil: a shared or an existing server
}

// Redis returns the shared Redis server of this test binary, or the existing
// one that ECHOIC_TEST_REDIS_URL names, with a database number (private
// servers only) and a key prefix that are t's own. It ends the test if there
// is no server.
//
// What concerns a whole server (CONFIG SET, CLIENT KILL, FLUSHALL, its death)
// is for NewRedis.
func Redis(t testing.TB) *RedisServer {
	t.Helper()
	common, err := shared.redis.get(openSharedRedis)
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	view := &RedisServer{Addr: common.addr, Password: common.password, DB: common.database, Prefix: prefix(), t: t}
	if common.private != nil {
		number, err := common.take()
		if err != nil {
			t.Fatalf("testenv: %v", err)
		}
		view.DB, view.Dir, view.Socket = number, common.private.Dir, common.private.Socket
	}
	view.URL = common.url(view.DB)
	t.Cleanup(func() {
		if err := common.release(view); err != nil {
			t.Errorf("testenv: cleaning up after the test: %v", err)
		}
	})
	return view
}

// NewRedis starts a Redis server for t alone and stops it when t ends. The
// zero RedisConfig has a random password and an append-only file: what it
// acknowledged survives Kill and Restart.
func NewRedis(t testing.TB, cfg RedisConfig) *RedisServer {
	t.Helper()
	private, err := workspaceOf(t).StartRedis(t.Context(), cfg)
	if err != nil {
		t.Fatalf("testenv: a dedicated Redis server: %v", err)
	}
	t.Cleanup(private.Close)
	return &RedisServer{
		URL: private.URL(0), Addr: private.Addr, Password: private.Password, Prefix: prefix(),
		Dir: private.Dir, Socket: private.Socket, t: t, private: private,
	}
}

// Kill ends the dedicated server with SIGKILL, as a crash would, and waits
// for it. Kill, Stop, Cont, Shutdown and Restart may be called from any
// goroutine; a failure fails the test.
func (s *RedisServer) Kill() { s.t.Helper(); s.report("Kill", (*server.Redis).Kill) }

// Stop freezes the dedicated server (SIGSTOP): its connections stay open and
// nothing answers.
func (s *RedisServer) Stop() { s.t.Helper(); s.report("Stop", (*server.Redis).Stop) }

// Cont lets the stopped dedicated server go on (SIGCONT).
func (s *RedisServer) Cont() { s.t.Helper(); s.report("Cont", (*server.Redis).Cont) }

// Shutdown ends the dedicated server in good order and waits for it.
func (s *RedisServer) Shutdown() { s.t.Helper(); s.report("Shutdown", (*server.Redis).Shutdown) }

// Restart starts the dedicated server again on the same port and data, and
// returns when it takes commands. A running one is shut down first.
func (s *RedisServer) Restart() {
	s.t.Helper()
	s.report("Restart", func(r *server.Redis) error { return r.Restart(s.t.Context()) })
}

// Do sends one command to the server on a connection of its own, with the
// server's password, and returns the answer. It waits no longer than a few
// seconds. On a private server it does not use the network, so that it needs no
// certificates.
func (s *RedisServer) Do(command string, args ...any) (reply any, err error) {
	network, addr := "unix", s.Socket
	if addr == "" {
		network, addr = "tcp", s.Addr
	}
	conn, err := redis.Dial(network, addr, redis.DialConnectTimeout(adminPatience), redis.DialReadTimeout(adminPatience),
		redis.DialWriteTimeout(adminPatience), redis.DialPassword(s.Password))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Do(command, args...)
}

func (s *RedisServer) report(verb string, do func(*server.Redis) error) {
	s.t.Helper()
	if s.private == nil {
		s.t.Errorf("testenv: %s of a Redis server that other tests use; start a dedicated one with testenv.NewRedis", verb)
		return
	}
	if err := do(s.private); err != nil {
		s.t.Errorf("testenv: %s: %v", verb, err)
	}
}

// sharedRedis is the server behind every Redis(t) of the process.
type sharedRedis struct {
	private  *server.Redis // nil: an existing server
	addr     string
	password string
	database int
	url      func(database int) string
	pool     *redis.Pool

	mu   sync.Mutex
	free []int // database numbers that were given back
	next int
}

func openSharedRedis() (*sharedRedis, error) {
	common := &sharedRedis{}
	if text := os.Getenv(RedisVariable); text != "" {
		if err := common.parse(text); err != nil {
			return nil, err
		}
	} else {
		workspace, err := shared.open()
		if err != nil {
			return nil, err
		}
		private, err := workspace.StartRedis(context.Background(), RedisConfig{InMemory: true, Databases: sharedDatabases})
		if err != nil {
			return nil, err
		}
		common.private, common.addr, common.password, common.url = private, private.Addr, private.Password, private.URL
	}
	timeout := 10 * time.Second
	common.pool = &redis.Pool{MaxIdle: 2, Dial: func() (redis.Conn, error) {
		return redis.DialURL(common.url(common.database), redis.DialConnectTimeout(timeout),
			redis.DialReadTimeout(timeout), redis.DialWriteTimeout(timeout))
	}}
	conn := common.pool.Get()
	defer conn.Close()
	if _, err := conn.Do("PING"); err != nil {
		return nil, fmt.Errorf("redis at %s does not answer: %w; correct or unset %s", common.addr, err, RedisVariable)
	}
	return common, nil
}

// parse takes over the URL of an existing server.
func (r *sharedRedis) parse(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "redis" && u.Scheme != "rediss") {
		// The text may hold a password: it is not repeated.
		return fmt.Errorf("%s is no URL of the form redis://[[user]:password@]host:port[/database]; correct or unset it", RedisVariable)
	}
	if number := strings.Trim(u.Path, "/"); number != "" {
		if r.database, err = strconv.Atoi(number); err != nil {
			return fmt.Errorf("%s has %q as its database; it has to be a number", RedisVariable, number)
		}
	}
	r.addr = u.Host
	r.password, _ = u.User.Password()
	r.url = func(database int) string {
		own := *u
		own.Path = "/" + strconv.Itoa(database)
		return own.String()
	}
	return nil
}

// take returns a database number that no other test uses.
func (r *sharedRedis) take() (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last := len(r.free) - 1; last >= 0 {
		number := r.free[last]
		r.free = r.free[:last]
		return number, nil
	}
	if r.next == sharedDatabases {
		return 0, fmt.Errorf("more than %d tests hold a Redis database at the same time", sharedDatabases)
	}
	r.next++
	return r.next - 1, nil
}

// release removes what the test left behind: everything in its database on a
// private server, its keys on an existing one.
func (r *sharedRedis) release(view *RedisServer) (err error) {
	conn := r.pool.Get()
	defer func() { err = errors.Join(err, conn.Close()) }()
	if r.private == nil {
		return deletePrefix(conn, view.Prefix)
	}
	if _, err := conn.Do("SELECT", view.DB); err != nil {
		return err
	}
	// Not FLUSHDB: it would tell every client that tracks keys, in all
	// databases, to forget them, and so disturb other tests.
	if err := deletePrefix(conn, ""); err != nil {
		return err
	}
	// The pooled connection goes back to the database it was opened with.
	if _, err := conn.Do("SELECT", r.database); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free = append(r.free, view.DB)
	return nil
}

// deletePrefix removes the keys that start with prefix, which has no
// character that means something in a pattern.
func deletePrefix(conn redis.Conn, prefix string) error {
	cursor := "0"
	for {
		reply, err := redis.Values(conn.Do("SCAN", cursor, "MATCH", prefix+"*", "COUNT", 1000))
		if err != nil {
			return err
		}
		var keys []any
		if _, err := redis.Scan(reply, &cursor, &keys); err != nil {
			return err
		}
		if len(keys) > 0 {
			if _, err := conn.Do("UNLINK", keys...); err != nil {
				return err
			}
		}
		if cursor == "0" {
			return nil
		}
	}
}

func prefix() string { return "test_" + strings.ToLower(rand.Text()) }
