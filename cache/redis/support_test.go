package redis_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

// patience is how long tests wait for what must happen.
const patience = 10 * time.Second

// calm are timeouts for tests of what the store does, not of how long it takes:
// the race detector and other tests on the machine may delay an answer.
const calm = 5 * time.Second

func open(t testing.TB, cfg redis.Config) *redis.Store {
	t.Helper()
	store, err := redis.New(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return store
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func set(ctx context.Context, s cache.Store, key, value string) error {
	_, err := s.Set(ctx, key, []byte(value), cache.Forever, cache.Always)
	return err
}

// get returns the value, or "-" for a miss.
func get(t testing.TB, s cache.Store, key string) string {
	t.Helper()
	value, found, err := s.Get(t.Context(), key)
	must(t, err)
	if !found {
		return "-"
	}
	return string(value)
}

// admin is a connection beside the store.
func admin(t testing.TB, server *testenv.RedisServer) redigo.Conn {
	t.Helper()
	conn, err := redigo.DialURLContext(t.Context(), server.URL)
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()) })
	return conn
}

// newCluster starts a cluster and returns its URL.
func newCluster(t testing.TB) string {
	t.Helper()
	_, url := clusterServers(t)
	return url
}

// clusterServers starts a cluster of three servers, each with a third of the
// slots.
func clusterServers(t testing.TB) (servers []*testenv.RedisServer, url string) {
	t.Helper()
	const password, size = "of the cluster", 3
	var addrs []string
	var nodes []redigo.Conn
	for range size {
		server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Password: password, Config: []string{
			"cluster-enabled yes", "cluster-node-timeout 5000",
		}})
		servers = append(servers, server)
		addrs = append(addrs, server.Addr)
		nodes = append(nodes, admin(t, server))
	}
	for slot := range 16384 { // one by one: ADDSLOTSRANGE is of Redis 7
		must(t, nodes[slot*size/16384].Send("CLUSTER", "ADDSLOTS", slot))
	}
	for i, node := range nodes {
		_, err := node.Do("")
		must(t, err)
		if i > 0 {
			_, err := nodes[0].Do("CLUSTER", "MEET", "127.0.0.1", port(addrs[i]))
			must(t, err)
		}
	}
	testenv.Eventually(t, 2*patience, func() bool {
		for _, node := range nodes {
			info, err := redigo.String(node.Do("CLUSTER", "INFO"))
			must(t, err)
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3") {
				return false
			}
		}
		return true
	}, "the cluster is ready")
	return servers, "redis://:" + strings.ReplaceAll(password, " ", "%20") + "@" + strings.Join(addrs, ",")
}

func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

func ownURL(server *testenv.RedisServer) string { return server.URL }
