package redis_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

// everyCall is each method once.
var everyCall = []struct {
	name string
	do   func(ctx context.Context, s *redis.Store) error
}{
	{"Get", func(ctx context.Context, s *redis.Store) error { _, _, err := s.Get(ctx, "k"); return err }},
	{"Set", func(ctx context.Context, s *redis.Store) error { return set(ctx, s, "k", "v") }},
	{"Delete", func(ctx context.Context, s *redis.Store) error { _, err := s.Delete(ctx, "k", "l"); return err }},
	{"GetMany", func(ctx context.Context, s *redis.Store) error {
		_, err := s.GetMany(ctx, []string{"k", "l"})
		return err
	}},
	{"SetMany", func(ctx context.Context, s *redis.Store) error {
		_, err := s.SetMany(ctx, []cache.Item{{Key: "k", Value: []byte("v"), TTL: time.Hour}, {Key: "l", Value: []byte("v"), TTL: time.Hour}})
		return err
	}},
	{"Touch", func(ctx context.Context, s *redis.Store) error { _, err := s.Touch(ctx, "k", time.Hour); return err }},
	{"TouchForever", func(ctx context.Context, s *redis.Store) error {
		_, err := s.Touch(ctx, "k", cache.Forever)
		return err
	}},
	{"TTL", func(ctx context.Context, s *redis.Store) error { _, _, err := s.TTL(ctx, "k"); return err }},
	{"Incr", func(ctx context.Context, s *redis.Store) error {
		_, err := s.Incr(ctx, "n", 1, &cache.Initial{TTL: time.Hour})
		return err
	}},
	{"Swap", func(ctx context.Context, s *redis.Store) error {
		_, err := s.Swap(ctx, "k", []byte("v"), []byte("w"), time.Hour)
		return err
	}},
	{"Keys", func(ctx context.Context, s *redis.Store) (err error) {
		for _, err = range s.Keys(ctx, "k") {
		}
		return err
	}},
	{"Ping", func(ctx context.Context, s *redis.Store) error { return s.Ping(ctx) }},
}

// degraded checks what every call returns while the server is away.
func degraded(t *testing.T, name string, err error, addr string) {
	t.Helper()
	if !errors.Is(err, cache.ErrDegraded) {
		t.Fatalf("%s: %v, want an error that wraps cache.ErrDegraded", name, err)
	}
	text := err.Error()
	if !strings.HasPrefix(text, "redis: ") || !strings.Contains(text, addr) || strings.Count(text, ", ") < 2 {
		t.Errorf("%s: %q is not of the form redis: what, address, remedy", name, text)
	}
}

func TestStartsWithoutServer(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{})
	server.Kill()
	watch := testenv.NewStopwatch()
	store := open(t, redis.Config{URL: server.URL})
	if took := watch.Took(); took > 3*time.Second {
		t.Errorf("New took %v", took)
	}
	for _, call := range everyCall {
		err := call.do(t.Context(), store)
		degraded(t, call.name, err, server.Addr)
		if strings.Contains(err.Error(), server.Password) {
			t.Errorf("%s shows the password: %v", call.name, err)
		}
	}
	server.Restart()
	testenv.Within(t, 2*time.Second, func() bool { return set(t.Context(), store, "k", "v") == nil }, "a write succeeds")
	for _, call := range everyCall {
		if err := call.do(t.Context(), store); err != nil {
			t.Errorf("%s: %v", call.name, err)
		}
	}
}

// longest is the most that a call takes, whatever the server does.
const longest = 600 * time.Millisecond

func TestStoppedServer(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		retry bool
	}{{"without retry", false}, {"with retry", true}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
			store := open(t, redis.Config{URL: server.URL, RetryOnTimeout: row.retry})
			for _, call := range everyCall {
				limit := longest + slack(call.name)
				took := limit + 1
				// A busy machine may not let the test run for a while; three
				// times in a row is the store's doing.
				for try := 0; try < 3 && took > limit; try++ {
					took = stopped(t, server, store, call.name, call.do)
				}
				if took > limit {
					t.Errorf("%s took %v, want at most %v", call.name, took, limit)
				}
			}
		})
	}
}

// stopped makes a call the first one that meets a stopped server, and returns
// how long it took.
func stopped(t *testing.T, server *testenv.RedisServer, store *redis.Store, name string, do func(context.Context, *redis.Store) error) time.Duration {
	t.Helper()
	testenv.Eventually(t, patience, func() bool { return store.Ping(t.Context()) == nil }, "the server answers")
	server.Stop()
	watch := testenv.NewStopwatch()
	err := do(t.Context(), store)
	took := watch.Took()
	server.Cont()
	degraded(t, name, err, server.Addr)
	return took
}

// slack is what Ping may take longer: it waits for an attempt to connect.
func slack(call string) time.Duration {
	if call == "Ping" {
		return 500 * time.Millisecond
	}
	return 0
}

func TestStoppedServerKeepsDeadlines(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	must(t, store.Ping(t.Context()))
	server.Stop()
	defer server.Cont()
	for _, call := range everyCall {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		watch := testenv.NewStopwatch()
		err := call.do(ctx, store)
		took := watch.Took()
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, cache.ErrDegraded) {
			t.Errorf("%s: %v, want the deadline", call.name, err)
		}
		if took > longest {
			t.Errorf("%s with a deadline of 20ms took %v", call.name, took)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		lines  []string
		url    func(*testenv.RedisServer) string
		before [][]any
		text   string
	}{
		{"no password", nil, func(s *testenv.RedisServer) string { return "redis://" + s.Addr }, nil, "NOAUTH"},
		{"wrong password", nil, func(s *testenv.RedisServer) string { return "redis://:hunter2@" + s.Addr }, nil, "WRONGPASS"},
		{"replica", nil, ownURL, [][]any{{"REPLICAOF", "127.0.0.1", "1"}}, "READONLY"},
		{"replica that lost its primary", []string{"replica-serve-stale-data no"}, ownURL, [][]any{{"REPLICAOF", "127.0.0.1", "1"}}, ""},
		{"out of memory", []string{"maxmemory 1", "maxmemory-policy noeviction"}, ownURL, nil, "OOM"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: row.lines})
			for _, command := range row.before {
				_, err := admin(t, server).Do(command[0].(string), command[1:]...)
				must(t, err)
			}
			store := open(t, redis.Config{URL: row.url(server), SocketTimeout: calm})
			for _, call := range everyCall {
				switch call.name {
				case "Set", "SetMany", "Incr":
					err := call.do(t.Context(), store)
					degraded(t, call.name, err, server.Addr)
					if !strings.Contains(err.Error(), row.text) || strings.Contains(err.Error(), "hunter2") {
						t.Errorf("%s: %q lacks %q, or shows the password", call.name, err, row.text)
					}
				}
			}
		})
	}
}

// Out of memory is no reason not to delete: that is how tags are purged then.
func TestOutOfMemoryStillDeletes(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	must(t, set(t.Context(), store, "k", "v"))
	_, err := admin(t, server).Do("CONFIG", "SET", "maxmemory", "1")
	must(t, err)
	n, err := store.Delete(t.Context(), "k")
	must(t, err)
	if n != 1 {
		t.Errorf("Delete = %d, want 1", n)
	}
}

func TestUserOfTheACL(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{
		// What the store needs, and no more.
		"user app on >hunter2 ~app:* +@connection +get +set +mget +unlink +exists +persist +pexpire +pttl +scan +incrby +eval +evalsha",
	}})
	store := open(t, redis.Config{URL: "redis://app:hunter2@" + server.Addr + "/1", SocketTimeout: calm})
	must(t, set(t.Context(), store, "app:k", "v"))
	if got := get(t, store, "app:k"); got != "v" {
		t.Errorf("got %q", got)
	}
	_, err := store.Incr(t.Context(), "app:n", 1, &cache.Initial{TTL: time.Hour})
	must(t, err)
	swapped, err := store.Swap(t.Context(), "app:k", []byte("v"), nil, cache.Forever)
	must(t, err)
	if !swapped {
		t.Error("Swap did not swap")
	}
	degraded(t, "Set", set(t.Context(), store, "other:k", "v"), server.Addr)
}

func TestRestartedServer(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{})
	store := open(t, redis.Config{URL: server.URL})
	testenv.Eventually(t, patience, func() bool { return set(t.Context(), store, "k", "v") == nil }, "a write succeeds")
	server.Kill()
	testenv.Eventually(t, patience, func() bool { return store.Ping(t.Context()) != nil }, "the server is gone")
	server.Restart()
	testenv.Within(t, 2*time.Second, func() bool {
		value, found, err := store.Get(t.Context(), "k")
		return err == nil && found && string(value) == "v"
	}, "the value is read again")
}
