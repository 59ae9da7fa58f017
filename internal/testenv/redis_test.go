package testenv_test

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/testenv"
)

// dial connects to url and gives every call a second.
func dial(t *testing.T, url string) redis.Conn {
	t.Helper()
	conn, err := redis.DialURL(url, redis.DialConnectTimeout(time.Second), redis.DialReadTimeout(time.Second), redis.DialWriteTimeout(time.Second))
	if err != nil {
		t.Fatalf("connecting to Redis: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func do(t *testing.T, conn redis.Conn, command string, args ...any) any {
	t.Helper()
	reply, err := conn.Do(command, args...)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return reply
}

func TestRedisServesATest(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	conn := dial(t, server.URL)
	do(t, conn, "SET", server.Prefix+":a", "1")
	if got, err := redis.String(conn.Do("GET", server.Prefix+":a")); err != nil || got != "1" {
		t.Fatalf("GET = %q, %v; want 1", got, err)
	}
	u, err := url.Parse(server.URL)
	if err != nil || u.Host != server.Addr || u.Path != "/"+strconv.Itoa(server.DB) {
		t.Errorf("URL %q does not lead to address %s, database %d", server.URL, server.Addr, server.DB)
	}
}

func TestRedisAsksForItsPassword(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	conn := dial(t, "redis://"+server.Addr)
	if _, err := conn.Do("PING"); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
		t.Errorf("PING without a password: %v; want NOAUTH", err)
	}
}

func TestRedisKeepsTestsApart(t *testing.T) {
	t.Parallel()
	a, b := testenv.Redis(t), testenv.Redis(t)
	if a.Addr != b.Addr {
		t.Errorf("two calls of Redis use two servers, %s and %s", a.Addr, b.Addr)
	}
	if a.DB == b.DB || a.Prefix == b.Prefix {
		t.Errorf("two calls of Redis share database %d or prefix %s", a.DB, a.Prefix)
	}
}

func TestRedisRemovesWhatATestLeft(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("leaves a key", func(t *testing.T) {
		server := testenv.Redis(t)
		url = server.URL
		do(t, dial(t, url), "SET", "left", "behind")
	})
	// The number may be some other test's by now; the key is gone anyway.
	if found := do(t, dial(t, url), "EXISTS", "left"); found != int64(0) {
		t.Error("the key of an ended test is still there")
	}
}

func TestNewRedisWithConfiguration(t *testing.T) {
	t.Parallel()
	t.Run("password and lines", func(t *testing.T) {
		t.Parallel()
		server := testenv.NewRedis(t, testenv.RedisConfig{Password: `a "b" \c`, Databases: 20, Config: []string{"maxmemory 7mb"}})
		conn := dial(t, server.URL)
		do(t, conn, "AUTH", `a "b" \c`)
		do(t, conn, "SELECT", 19)
		got, err := redis.StringMap(conn.Do("CONFIG", "GET", "maxmemory"))
		if err != nil || got["maxmemory"] != "7340032" {
			t.Errorf("maxmemory = %v, %v; want 7340032", got, err)
		}
	})
	t.Run("no password", func(t *testing.T) {
		t.Parallel()
		server := testenv.NewRedis(t, testenv.RedisConfig{NoPassword: true})
		do(t, dial(t, "redis://"+server.Addr), "PING")
	})
	t.Run("unix socket", func(t *testing.T) {
		t.Parallel()
		server := testenv.NewRedis(t, testenv.RedisConfig{})
		conn, err := redis.Dial("unix", server.Socket, redis.DialPassword(server.Password))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		do(t, conn, "PING")
	})
}

func TestRedisRestartKeepsData(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func(*testenv.RedisServer)
	}{
		{"while running", func(*testenv.RedisServer) {}},
		{"after shutdown", (*testenv.RedisServer).Shutdown},
		{"after kill", (*testenv.RedisServer).Kill},
		{"after kill of a stopped server", func(s *testenv.RedisServer) { s.Stop(); s.Kill() }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := testenv.NewRedis(t, testenv.RedisConfig{})
			do(t, dial(t, server.URL), "SET", "a", "kept")
			test.end(server)
			server.Restart()
			if got, err := redis.String(dial(t, server.URL).Do("GET", "a")); err != nil || got != "kept" {
				t.Errorf("GET after restart = %q, %v; want kept", got, err)
			}
		})
	}
}

// A busy disk changes nothing about it: with appendfsync everysec the last writes
// before a kill are gone if the disk syncs just then.
func TestRedisKillLosesNothing(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{})
	conn := dial(t, server.URL)
	much := strings.Repeat("x", 1<<18)
	syncs := func() bool {
		do(t, conn, "SET", "much", much)
		return strings.Contains(string(do(t, conn, "INFO", "persistence").([]byte)), "aof_pending_bio_fsync:1")
	}
	for begin := time.Now(); time.Since(begin) < 1500*time.Millisecond && !syncs(); { // everysec would within a second
	}
	for n := range 100 {
		do(t, conn, "SET", "last", n)
	}
	server.Kill()
	server.Restart()
	if got, err := redis.String(dial(t, server.URL).Do("GET", "last")); err != nil || got != "99" {
		t.Errorf("GET after restart = %q, %v; want 99", got, err)
	}
}

func TestRedisInMemoryRestartsEmpty(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	do(t, dial(t, server.URL), "SET", "a", "lost")
	server.Kill()
	server.Restart()
	if got, err := redis.String(dial(t, server.URL).Do("GET", "a")); !errors.Is(err, redis.ErrNil) {
		t.Errorf("GET after restart = %q, %v; want nothing", got, err)
	}
}

func TestRedisKillRefusesConnections(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{})
	server.Kill()
	if conn, err := redis.Dial("tcp", server.Addr); err == nil {
		_ = conn.Close()
		t.Error("the killed server still takes connections")
	}
}

func TestRedisStopAndCont(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{})
	conn := dial(t, server.URL)
	server.Stop()
	if _, err := redis.DoWithTimeout(conn, 100*time.Millisecond, "PING"); err == nil {
		t.Error("the stopped server answers")
	}
	server.Cont()
	do(t, dial(t, server.URL), "PING")
}
