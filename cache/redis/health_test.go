package redis_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	conn := admin(t, server)
	do := func(command string, args ...any) {
		t.Helper()
		_, err := conn.Do(command, args...)
		must(t, err)
	}
	healthy := func() { t.Helper(); must(t, store.Health(t.Context())) }
	ill := func(text string) {
		t.Helper()
		err := store.Health(t.Context())
		degraded(t, text, err, server.Addr)
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q lacks %q", err, text)
		}
	}
	healthy()
	do("CONFIG", "SET", "maxmemory", "1")
	ill("OOM")
	do("CONFIG", "SET", "maxmemory", "0")
	healthy()
	do("CONFIG", "SET", "min-replicas-to-write", "1")
	ill("NOREPLICAS")
	do("CONFIG", "SET", "min-replicas-to-write", "0")
	healthy()
	do("REPLICAOF", "127.0.0.1", "1")
	ill("READONLY")
	do("CONFIG", "SET", "replica-read-only", "no", "replica-serve-stale-data", "no")
	ill("MASTERDOWN")
	do("REPLICAOF", "NO", "ONE")
	testenv.Eventually(t, patience, func() bool { return store.Health(t.Context()) == nil }, "the primary is healthy again")
	if n, err := redigo.Int(conn.Do("DBSIZE")); n != 0 || err != nil {
		t.Errorf("%d keys, %v: Health has written", n, err)
	}
}

func TestHealthWhileLoading(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{Config: []string{"enable-debug-command local", "key-load-delay 1000", "loading-process-events-interval-bytes 1024"}})
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: 2 * time.Second})
	conn := admin(t, server)
	_, err := conn.Do("DEBUG", "POPULATE", "1000")
	must(t, err)
	done := make(chan error, 1)
	go func() { _, err := conn.Do("DEBUG", "RELOAD"); done <- err }()
	testenv.Eventually(t, patience, func() bool {
		err := store.Health(t.Context())
		if err != nil {
			degraded(t, "Health", err, server.Addr)
		}
		return err != nil && strings.Contains(err.Error(), "LOADING")
	}, "Health says that the server is loading")
	must(t, <-done)
	testenv.Eventually(t, patience, func() bool { return store.Health(t.Context()) == nil }, "the server has loaded")
}

// The rights of a user who may not touch the key of the question do not make the
// server ill.
func TestHealthWithoutTheRight(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{"user app on >hunter2 ~app:* +@connection +get +set"}})
	for _, key := range []string{"", "app:health"} {
		store := open(t, redis.Config{URL: "redis://app:hunter2@" + server.Addr, SocketTimeout: calm, HealthKey: key})
		must(t, store.Health(t.Context()))
	}
}

// A probe connects by itself, and not later than the server is back.
func TestHealthConnectsNow(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	must(t, store.Health(t.Context()))
	server.Kill()
	// Long enough for the link to pause between its own attempts.
	for begin := time.Now(); time.Since(begin) < time.Second; {
		if store.Health(t.Context()) == nil {
			t.Fatal("a server that was killed is healthy")
		}
	}
	server.Restart()
	must(t, store.Health(t.Context()))
}

func TestHealthIsBounded(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	store := open(t, redis.Config{URL: server.URL})
	testenv.Eventually(t, patience, func() bool { return store.Health(t.Context()) == nil }, "the server is healthy")
	server.Stop()
	defer server.Cont()
	for range 4 {
		watch := testenv.NewStopwatch()
		degraded(t, "Health", store.Health(t.Context()), server.Addr)
		if took := watch.Took(); took > longest+slack("Ping") {
			t.Errorf("Health took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		watch = testenv.NewStopwatch()
		err := store.Health(ctx)
		took := watch.Took()
		cancel()
		if err == nil || took > longest {
			t.Errorf("Health with a deadline of 30ms: %v after %v", err, took)
		}
	}
}

// One primary that is away makes a Cluster ill.
func TestHealthOfACluster(t *testing.T) {
	t.Parallel()
	servers, url := clusterServers(t)
	store := open(t, redis.Config{URL: url, SocketTimeout: time.Second})
	testenv.Eventually(t, patience, func() bool { return store.Health(t.Context()) == nil }, "the cluster is healthy")
	for i, server := range servers {
		server.Stop()
		if err := store.Health(t.Context()); !errors.Is(err, cache.ErrDegraded) {
			t.Errorf("Health without node %d: %v", i, err)
		}
		server.Cont()
		testenv.Eventually(t, 3*patience, func() bool { return store.Health(t.Context()) == nil }, "the cluster is healthy again")
	}
	_, err := admin(t, servers[0]).Do("CLUSTER", "DELSLOTS", 1)
	must(t, err)
	testenv.Eventually(t, patience, func() bool {
		err := store.Health(t.Context())
		return errors.Is(err, cache.ErrDegraded) && strings.Contains(err.Error(), "CLUSTERDOWN")
	}, "a slot is missing")
}

// The keys of Health are in slots of all primaries.
func TestHealthKeysAreSpread(t *testing.T) {
	t.Parallel()
	servers, _ := clusterServers(t)
	conn := admin(t, servers[0])
	seen := make(map[int]bool)
	for _, key := range redis.ProbeKeys("db1:k", true) {
		slot, err := redigo.Int(conn.Do("CLUSTER", "KEYSLOT", key))
		must(t, err)
		seen[slot/256] = true
	}
	if len(seen) != 64 {
		t.Errorf("%s of 64 ranges of slots are asked", strconv.Itoa(len(seen)))
	}
}
