package console_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/internal/testenv"
)

// scaleKeys is how many keys TestScale puts into Redis. A million takes a quarter of
// a minute: go test ./console -run Scale -keys 1000000 -v
var scaleKeys = flag.Int("keys", 100_000, "keys in Redis for TestScale")

// pageBudget is what a page may take, however much is stored.
const pageBudget = 200 * time.Millisecond

// TestScale opens every page over a Redis with many keys.
func TestScale(t *testing.T) {
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	fill(t, server, *scaleKeys)
	h := newHouse(t, func(cfg *echoic.Config) {
		cfg.Env, cfg.RedisURL = echoic.Production, server.URL
		cfg.DatabaseURL = testenv.Postgres(t).Database(t)
	}, nil)
	h.visit("/1", 3)
	for _, path := range append([]string{"/keys?q=nothing-like-it", "/keys?q=user:*", "/entry?key=site:1:v:user:7"}, paths...) {
		best := time.Hour
		for range 10 { // the machine may be busy: the page is as fast as it can be
			if best <= pageBudget {
				break
			}
			began := time.Now()
			code, body := h.ask("GET", path, nil)
			if code == 503 { // so busy that Redis was late: the page says so
				testenv.Eventually(t, time.Minute, func() bool { code, body = h.ask("GET", path, nil); return code != 503 }, "Redis is back")
				continue
			}
			best = min(best, time.Since(began))
			if code >= 500 {
				t.Fatalf("GET %s: %d\n%s", path, code, body)
			}
		}
		t.Logf("%-40s %v", path, best)
		if best > pageBudget {
			t.Errorf("GET %s takes %v over %d keys, want at most %v", path, best, *scaleKeys, pageBudget)
		}
	}
	overview, err := h.app.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if k := overview.Keyspace; k == nil || k.Total < int64(*scaleKeys) || k.Kinds["session"] < int64(*scaleKeys/40) || k.Kinds["session"] > int64(*scaleKeys/5) {
		t.Errorf("a tenth of %d keys are sessions; the estimate is %+v", *scaleKeys, overview.Keyspace)
	}
	if _, body := h.ask("GET", "", nil); !overview.Keyspace.Exact && !strings.Contains(body, "an estimate from a sample") {
		t.Error("the page does not say that the numbers are an estimate")
	}
	stats, err := redigo.String(server.Do("INFO", "commandstats"))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"cmdstat_keys:", "cmdstat_flushdb", "cmdstat_flushall"} {
		if strings.Contains(stats, command) {
			t.Errorf("Redis was asked with %s", command)
		}
	}
}

// fill puts values into Redis, of which every tenth is a session.
func fill(t *testing.T, server *testenv.RedisServer, n int) {
	t.Helper()
	conn, err := redigo.DialURL(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := range n {
		key := fmt.Sprintf("site:1:v:user:%d", i)
		if i%10 == 0 {
			key = fmt.Sprintf("site-session:%d", i)
		}
		if err := conn.Send("SET", key, "value of some length, as values are"); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 999 {
			if _, err := conn.Do(""); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := conn.Do(""); err != nil {
		t.Fatal(err)
	}
}
