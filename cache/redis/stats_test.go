package redis_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestStatsTimeCalls(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	must(t, store.Ping(t.Context()))
	before := store.Stats()
	must(t, set(t.Context(), store, server.Prefix+"a", "1"))
	get(t, store, server.Prefix+"a")
	get(t, store, server.Prefix+"absent")
	got := store.Stats()
	if calls := got.Calls.Since(before.Calls); calls.Count != 3 || calls.Sum <= 0 {
		t.Errorf("3 calls were counted as %d, which took %v", calls.Count, calls.Sum)
	}
	if got.Errors != 0 {
		t.Errorf("%d errors; a miss is none", got.Errors)
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{})
	_, err := server.Do("CONFIG", "SET", "maxmemory", "100mb")
	must(t, err)
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	must(t, set(t.Context(), store, "a", "1"))
	list, err := store.Info(t.Context())
	must(t, err)
	if len(list) != 1 {
		t.Fatalf("%d servers, want 1", len(list))
	}
	info := list[0]
	if info.Version == "" || info.Keys != 1 || info.MaxBytes != 100<<20 || info.UsedBytes <= 0 || info.Policy != "noeviction" {
		t.Errorf("what the server says of itself: %+v", info)
	}
}

func TestBrowse(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	conn := admin(t, server)
	for i := range 20_000 {
		must(t, conn.Send("SET", fmt.Sprintf("other:%d", i), "x"))
	}
	must(t, conn.Send("SET", "site:[1]", "x"))
	must(t, conn.Send("SET", "site:2", "x"))
	_, err := conn.Do("")
	must(t, err)

	var keys []string
	all, err := store.Browse(t.Context(), "site:[", time.Minute, func(key string) bool {
		keys = append(keys, key)
		return true
	})
	must(t, err)
	if !all || strings.Join(keys, " ") != "site:[1]" {
		t.Errorf("with time enough: %v, all: %v", keys, all)
	}
	all, err = store.Browse(t.Context(), "other:", 0, func(string) bool { return true })
	if err != nil || all {
		t.Errorf("without time: all %v, %v; want not all and no error", all, err)
	}
	n := 0
	all, err = store.Browse(t.Context(), "other:", time.Minute, func(string) bool { n++; return n < 3 })
	if err != nil || all || n != 3 {
		t.Errorf("left after 3 keys: all %v, %v, %d keys", all, err, n)
	}
}

func TestInfoAndBrowseOnACluster(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{})
	store := open(t, redis.Config{URL: cluster.URL, SocketTimeout: calm})
	must(t, store.Ping(t.Context()))
	for i := range 300 {
		must(t, set(t.Context(), store, fmt.Sprintf("site:%d", i), "x"))
	}
	list, err := store.Info(t.Context())
	must(t, err)
	var keys int64
	for _, info := range list {
		keys += info.Keys
		if info.Addr == "" || info.Version == "" {
			t.Errorf("a primary says of itself: %+v", info)
		}
	}
	if len(list) != 3 || keys != 300 {
		t.Errorf("%d primaries with %d keys, want 3 with 300", len(list), keys)
	}
	seen := map[string]bool{}
	all, err := store.Browse(t.Context(), "site:", time.Minute, func(key string) bool {
		seen[key] = true
		return true
	})
	must(t, err)
	if !all || len(seen) != 300 || !seen["site:7"] {
		t.Errorf("%d keys were seen, all: %v; want 300", len(seen), all)
	}
}
