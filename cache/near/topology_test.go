package near_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/cache/near"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestTrackerSentinelFailover(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		fail func(*testing.T, *near.Tier, *testenv.Sentinel)
	}{
		{"in good order", func(_ *testing.T, _ *near.Tier, s *testenv.Sentinel) { s.Failover() }},
		{"the primary dies", func(t *testing.T, tier *near.Tier, s *testenv.Sentinel) {
			old := s.Primary()
			old.Kill()
			awaitUnverified(t, tier)
			s.AwaitPrimaryOtherThan(old.Addr)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := testenv.NewSentinel(t, testenv.SentinelConfig{SentinelPassword: "s3ntinel"})
			tier := open(t, near.Config{MaxTTL: time.Hour})
			startTracker(t, near.TrackConfig{URL: s.URL, Tier: tier, SentinelPassword: "s3ntinel"})
			awaitVerified(t, tier)
			const key = "echoic:p:k"
			first := s.Primary()
			hold(t, tier, key, 1)
			write(t, tier, conn(t, first.URL), key)
			hold(t, tier, key, 2)
			row.fail(t, tier, s)
			next := s.Primary()
			if next.Addr == first.Addr {
				t.Fatal("the primary is the same")
			}
			follows(t, tier, next, key)
		})
	}
}

// follows writes to the new primary, and checks that what was held for key is not
// served beyond the bound, and that the tier hears of what is written there.
func follows(t *testing.T, tier *near.Tier, primary *testenv.RedisServer, key string) {
	t.Helper()
	c := conn(t, primary.URL)
	testenv.Eventually(t, patience, func() bool { _, err := c.Do("SET", key, "y"); return err == nil }, "the new primary takes writes")
	testenv.Within(t, bound, func() bool { return !tier.Verified() || !has(tier, key) }, "no stale hit")
	testenv.Eventually(t, patience, func() bool { return tier.Verified() && connections(t, c) == 1 }, "the tier listens to the new primary")
	hold(t, tier, key, 9)
	write(t, tier, c, key)
}

// clusterKeys are keys of which each primary has some.
func clusterKeys() []string {
	var keys []string
	for i := range 60 {
		keys = append(keys, fmt.Sprint("echoic:p:", i))
	}
	return keys
}

// writeAll writes every key on the node that has it.
func writeAll(t testing.TB, c *testenv.Cluster, prefix string, keys []string) (perNode map[string]int) {
	t.Helper()
	perNode = make(map[string]int)
	conns := make(map[string]redis.Conn)
	for _, node := range c.Nodes {
		if c, err := redis.DialURL(node.URL); err == nil {
			defer c.Close()
			conns[node.Addr] = c
		}
	}
	for _, key := range keys {
		// While a slot changes hands no node takes its writes.
		testenv.Eventually(t, patience, func() bool {
			for addr, c := range conns {
				if _, err := c.Do("SET", prefix+key, "x"); err == nil {
					perNode[addr]++
					return true
				}
			}
			return false
		}, "a node takes %s", key)
	}
	return perNode
}

func TestTrackerCluster(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{})
	tier := track(t, strings.TrimSuffix(cluster.URL, "0")+"1")
	keys := clusterKeys()
	everywhere := func(t *testing.T) {
		t.Helper()
		for _, key := range keys {
			hold(t, tier, key, 1)
		}
		if per := writeAll(t, cluster, "db1:", keys); len(per) < 3 {
			t.Fatalf("the keys are on %v", per)
		}
		for _, key := range keys {
			awaitMiss(t, tier, key)
		}
	}
	t.Run("writes on every node", everywhere)
	t.Run("keys of another database", func(t *testing.T) {
		hold(t, tier, keys[0], 1)
		writeAll(t, cluster, "", keys[:1])
		writeAll(t, cluster, "db2:", keys[:1])
		everyone := keys[1:]
		for _, key := range everyone {
			hold(t, tier, key, 1)
		}
		writeAll(t, cluster, "db1:", everyone)
		for _, key := range everyone {
			awaitMiss(t, tier, key)
		}
		if !has(tier, keys[0]) {
			t.Error("the databases are one")
		}
	})
	t.Run("one node's connections are killed", func(t *testing.T) {
		for _, node := range cluster.Nodes {
			awaitVerified(t, tier)
			eras := tier.Stats().Eras
			hold(t, tier, keys[0], 1)
			do(t, conn(t, node.URL), "CLIENT", "KILL", "TYPE", "normal")
			testenv.Within(t, bound, func() bool { return !has(tier, keys[0]) || !tier.Verified() }, "no stale hit")
			testenv.Eventually(t, patience, func() bool { return tier.Verified() && tier.Stats().Eras > eras }, "verified again")
		}
		everywhere(t)
	})
	t.Run("one node is stopped", func(t *testing.T) {
		hold(t, tier, keys[0], 1)
		cluster.Nodes[1].Stop()
		awaitUnverified(t, tier)
		cluster.Nodes[1].Cont()
		awaitVerified(t, tier)
		if has(tier, keys[0]) {
			t.Error("what was held before is there after it")
		}
		testenv.Eventually(t, patience, cluster.Ready, "the cluster is in order")
		awaitVerified(t, tier)
		everywhere(t)
	})
	t.Run("a node joins", func(t *testing.T) {
		awaitVerified(t, tier)
		eras := tier.Stats().Eras
		newcomer := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Cluster: true, Password: cluster.Nodes[0].Password})
		c := conn(t, newcomer.URL)
		_, port, _ := strings.Cut(cluster.Nodes[0].Addr, ":")
		do(t, c, "CLUSTER", "MEET", "127.0.0.1", port)
		testenv.Eventually(t, patience, func() bool { return connections(t, c) == 1 && tier.Verified() }, "the tier listens to a primary without slots")
		if tier.Stats().Eras == eras {
			t.Error("what was held when it came was not dropped")
		}
	})
}

func TestTrackerClusterFailover(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{Replicas: true})
	tier := track(t, cluster.URL)
	keys := clusterKeys()
	hears := func(t *testing.T) {
		t.Helper()
		awaitVerified(t, tier)
		for _, key := range keys {
			tier.Put(key, 1, 1, time.Hour, tier.Stamp(key))
		}
		writeAll(t, cluster, "", keys)
		for _, key := range keys {
			testenv.Within(t, bound, func() bool { return !has(tier, key) || !tier.Verified() }, "no stale hit of %s", key)
		}
	}
	hears(t)
	t.Run("in good order", func(t *testing.T) {
		cluster.Failover(0)
		hears(t)
		c := conn(t, cluster.Nodes[cluster.Primaries].URL)
		testenv.Eventually(t, patience, func() bool { return connections(t, c) == 1 && tier.Verified() }, "the tier listens to the new primary")
		hears(t)
	})
	t.Run("a primary dies", func(t *testing.T) {
		cluster.Nodes[1].Kill()
		awaitUnverified(t, tier)
		replica := cluster.Primaries + 1
		testenv.Eventually(t, patience, func() bool { return cluster.IsPrimary(replica) }, "its replica takes over")
		c := conn(t, cluster.Nodes[replica].URL)
		testenv.Eventually(t, patience, func() bool { return connections(t, c) == 1 && tier.Verified() }, "the tier listens to the new primary")
		hears(t)
	})
}
