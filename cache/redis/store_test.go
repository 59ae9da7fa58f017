package redis_test

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

// Lua's numbers are doubles, which have no 2^62+1.
func TestIncrIsExact(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	for i, from := range []int64{1 << 53, 1 << 62, -(1 << 62), math.MaxInt64 - 3, math.MinInt64 + 3} {
		key := server.Prefix + strconv.Itoa(i)
		for _, delta := range []int64{1, 1, -1, 1, -3} {
			from += delta
			sum, err := store.Incr(t.Context(), key, delta, &cache.Initial{Value: from - delta, TTL: time.Hour})
			must(t, err)
			if sum != from || get(t, store, key) != strconv.FormatInt(from, 10) {
				t.Fatalf("got %d and %q, want %d", sum, get(t, store, key), from)
			}
		}
	}
}

func TestIncrOfOtherTypes(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	_, err := admin(t, server).Do("LPUSH", server.Prefix+"list", "1")
	must(t, err)
	if _, err := store.Incr(t.Context(), server.Prefix+"list", 1, nil); !errors.Is(err, cache.ErrNotInteger) {
		t.Errorf("got %v", err)
	}
}

// A server that was restarted, or asked to, has forgotten its scripts.
func TestScriptsAreSentAgain(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	for want := range int64(3) {
		_, err := admin(t, server).Do("SCRIPT", "FLUSH")
		must(t, err)
		sum, err := store.Incr(t.Context(), "n", 1, &cache.Initial{TTL: cache.Forever})
		must(t, err)
		if sum != want+1 {
			t.Errorf("sum %d, want %d", sum, want+1)
		}
		_, err = admin(t, server).Do("SCRIPT", "FLUSH")
		must(t, err)
		swapped, err := store.Swap(t.Context(), "n", []byte(strconv.FormatInt(sum, 10)), []byte(strconv.FormatInt(sum, 10)), cache.Forever)
		must(t, err)
		if !swapped {
			t.Error("Swap did not swap")
		}
	}
}

func TestLifetimes(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	conn := admin(t, server)
	for _, row := range []struct {
		name string
		ttl  time.Duration
		pttl int64 // at most
	}{
		{"a nanosecond", 1, 1},
		{"a fraction is rounded up", 1500*time.Millisecond + 1, 1501},
		{"beyond thirty days", 400 * 24 * time.Hour, 400 * 86_400_000},
		{"the longest there is", cache.Forever - 1, math.MaxInt64/int64(time.Millisecond) + 1},
		{"forever", cache.Forever, -1},
	} {
		t.Run(row.name, func(t *testing.T) {
			key := server.Prefix + row.name
			must(t, set(t.Context(), store, key, "v"))
			_, err := store.Set(t.Context(), key, []byte("v"), row.ttl, cache.Always)
			must(t, err)
			pttl, err := redigo.Int64(conn.Do("PTTL", key))
			must(t, err)
			if row.ttl > time.Millisecond && (pttl > row.pttl || pttl < row.pttl-calm.Milliseconds()) {
				t.Errorf("PTTL %d, want %d", pttl, row.pttl)
			}
		})
	}
}

// calls returns how often the server was asked for each command.
func calls(t *testing.T, conn redigo.Conn) map[string]int {
	t.Helper()
	text, err := redigo.String(conn.Do("INFO", "commandstats"))
	must(t, err)
	counts := make(map[string]int)
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		if number, _, _ := strings.Cut(rest, ","); ok {
			counts[name], err = strconv.Atoi(number)
			must(t, err)
		}
	}
	return counts
}

func TestManyCallsAreOneCommand(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	store := open(t, redis.Config{URL: server.URL, SocketTimeout: calm})
	conn := admin(t, server)
	keys := make([]string, 100)
	items := make([]cache.Item, len(keys))
	for i := range keys {
		keys[i] = "k" + strconv.Itoa(i)
		items[i] = cache.Item{Key: keys[i], Value: []byte("v"), TTL: time.Hour}
	}
	_, err := store.SetMany(t.Context(), items)
	must(t, err)
	_, err = store.GetMany(t.Context(), keys)
	must(t, err)
	n, err := store.Delete(t.Context(), keys...)
	must(t, err)
	if n != len(keys) {
		t.Errorf("Delete = %d, want %d", n, len(keys))
	}
	counts := calls(t, conn)
	if counts["mget"] != 1 || counts["unlink"] != 1 || counts["set"] != len(keys) || counts["get"]+counts["del"] != 0 {
		t.Errorf("commands: %v", counts)
	}
}

func TestManyMoreThanAPipelineHolds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		url  func() string
	}{
		{"standalone", func() string { return testenv.Redis(t).URL }},
		{"cluster", func() string { return newCluster(t) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			store := open(t, redis.Config{URL: row.url(), SocketTimeout: calm})
			keys := make([]string, 5000)
			items := make([]cache.Item, len(keys))
			for i := range keys {
				keys[i] = "many:" + strconv.Itoa(i)
				items[i] = cache.Item{Key: keys[i], Value: []byte(keys[i]), TTL: time.Hour}
			}
			failed, err := store.SetMany(t.Context(), items)
			must(t, err)
			if len(failed) != 0 {
				t.Errorf("%d were not kept", len(failed))
			}
			values, err := store.GetMany(t.Context(), keys)
			must(t, err)
			for i, value := range values {
				if string(value) != keys[i] {
					t.Fatalf("value %d is %q", i, value)
				}
			}
			listed := make(map[string]bool)
			for key, err := range store.Keys(t.Context(), "many:") {
				must(t, err)
				listed[key] = true
			}
			if len(listed) != len(keys) {
				t.Errorf("%d keys listed, want %d", len(listed), len(keys))
			}
			n, err := store.Delete(t.Context(), slices.Concat(keys, keys[:10])...)
			must(t, err)
			if n != len(keys) {
				t.Errorf("Delete = %d, want %d", n, len(keys))
			}
		})
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		cfg  redis.Config
		text string
	}{
		{"no URL", redis.Config{}, "is empty"},
		{"bad URL", redis.Config{URL: "redis://:hunter2@host:port"}, "the port of the host"},
		{"bad timeout", redis.Config{URL: "redis://:hunter2@host", SocketTimeout: time.Hour}, "SocketTimeout"},
		{"no TLS", redis.Config{URL: "redis://:hunter2@host", CAFile: "ca.pem"}, "not encrypted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := redis.New(t.Context(), row.cfg)
			if err == nil || !strings.HasPrefix(err.Error(), "redis: ") || !strings.Contains(err.Error(), row.text) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
		})
	}
}
