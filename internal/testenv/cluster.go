package testenv

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
)

// clusterSlots is how many slots a cluster has.
const clusterSlots = 16384

// ClusterConfig says what NewCluster starts. The zero value is three primaries
// without replicas, with a random password.
type ClusterConfig struct {
	// Primaries is how many nodes have slots. Defaults to 3.
	Primaries int
	// Replicas gives each primary a replica.
	Replicas bool
	// Password is that of all nodes. Defaults to a random one.
	Password string
	// NodeTimeout is how long a node may be silent (cluster-node-timeout).
	// Defaults to 1s.
	NodeTimeout time.Duration
	// TLS, if not nil, encrypts everything.
	TLS *Certificates
	// Config are further lines for redis.conf.
	Config []string
}

// Cluster is a Redis Cluster for one test.
type Cluster struct {
	// URL has the addresses of the first primaries and the password.
	URL string
	// Nodes are the nodes: first the primaries, in the order of their slots,
	// and then, in the same order, their replicas. Nodes may change roles.
	Nodes []*RedisServer
	// Primaries is how many of the nodes were primaries at the start.
	Primaries int

	t    testing.TB
	node RedisConfig // of every node
}

// NewCluster starts a cluster for t alone and returns when it serves all slots.
// Its nodes may be killed, stopped and restarted.
func NewCluster(t testing.TB, cfg ClusterConfig) *Cluster {
	t.Helper()
	if cfg.Primaries == 0 {
		cfg.Primaries = 3
	}
	if cfg.Password == "" {
		cfg.Password = rand.Text()
	}
	if cfg.NodeTimeout == 0 {
		cfg.NodeTimeout = time.Second
	}
	c := &Cluster{Primaries: cfg.Primaries, t: t}
	node := RedisConfig{InMemory: true, Cluster: true, Password: cfg.Password, TLS: cfg.TLS, Config: append([]string{
		"masterauth " + cfg.Password, "repl-diskless-sync-delay 0", "cluster-replica-validity-factor 0",
		fmt.Sprintf("cluster-node-timeout %d", cfg.NodeTimeout.Milliseconds()),
	}, cfg.Config...)}
	c.node = node
	count := cfg.Primaries
	if cfg.Replicas {
		count *= 2
	}
	var addrs []string
	for range count {
		c.Nodes = append(c.Nodes, NewRedis(t, node))
		addrs = append(addrs, c.Nodes[len(c.Nodes)-1].Addr)
	}
	// One address alone would be the URL of a single server.
	named := min(max(cfg.Primaries, 2), count)
	u := url.URL{Scheme: "redis", User: url.UserPassword("", cfg.Password), Host: strings.Join(addrs[:named], ","), Path: "/0"}
	if cfg.TLS != nil {
		u.Scheme = "rediss"
	}
	c.URL = u.String()
	c.join()
	return c
}

// join makes nodes a cluster.
func (c *Cluster) join() {
	c.t.Helper()
	for i, node := range c.Nodes {
		c.must(node.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1))
		if i < c.Primaries {
			c.must(node.Do("CLUSTER", append([]any{"ADDSLOTS"}, slotsOf(i, c.Primaries)...)...))
		}
		for _, other := range c.Nodes[:i] {
			c.must(node.Do("CLUSTER", "MEET", "127.0.0.1", portOf(other.Addr)))
		}
	}
	Eventually(c.t, topologyPatience, func() bool { return c.All("cluster_known_nodes:" + strconv.Itoa(len(c.Nodes))) }, "the nodes know each other")
	for i, replica := range c.Nodes[c.Primaries:] {
		id, err := redis.String(c.Nodes[i].Do("CLUSTER", "MYID"))
		c.must(nil, err)
		Eventually(c.t, topologyPatience, func() bool {
			_, err := replica.Do("CLUSTER", "REPLICATE", id)
			return err == nil
		}, "a node becomes a replica")
	}
	Eventually(c.t, topologyPatience, c.Ready, "the cluster serves all slots")
}

// Ready reports whether all nodes find the cluster in order, and all replicas are
// connected to their primaries.
func (c *Cluster) Ready() bool {
	if !c.All("cluster_state:ok") || !c.All("cluster_slots_ok:"+strconv.Itoa(clusterSlots)) {
		return false
	}
	replicas := 0
	for _, node := range c.Nodes {
		info, err := redis.String(node.Do("INFO", "replication"))
		if err != nil {
			return false
		}
		if strings.Contains(info, "role:slave") {
			if !strings.Contains(info, "master_link_status:up") {
				return false
			}
			replicas++
		}
	}
	return replicas == len(c.Nodes)-c.Primaries
}

// All reports whether text is a line of every node's CLUSTER INFO.
func (c *Cluster) All(text string) bool {
	for _, node := range c.Nodes {
		info, err := redis.String(node.Do("CLUSTER", "INFO"))
		if err != nil || !strings.Contains(info, text+"\r\n") {
			return false
		}
	}
	return true
}

// IsPrimary reports whether node i is a primary now. A node that does not answer
// is none.
func (c *Cluster) IsPrimary(i int) bool {
	info, err := redis.String(c.Nodes[i].Do("INFO", "replication"))
	return err == nil && strings.Contains(info, "role:master")
}

// Failover makes the replica of primary i the primary in good order. The replica
// has to be node i+Primaries.
func (c *Cluster) Failover(i int) {
	c.t.Helper()
	replica := i + c.Primaries
	Eventually(c.t, topologyPatience, func() bool {
		if c.IsPrimary(replica) {
			return true
		}
		_, _ = c.Nodes[replica].Do("CLUSTER", "FAILOVER") // refused while one runs
		return false
	}, "node %d becomes a primary", replica)
}

func (c *Cluster) must(_ any, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatalf("testenv: a cluster: %v", err)
	}
}

// slotsOf returns the slots of primary i of n, one by one: ADDSLOTSRANGE is of
// Redis 7.
func slotsOf(i, n int) []any {
	var slots []any
	for slot := i * clusterSlots / n; slot < (i+1)*clusterSlots/n; slot++ {
		slots = append(slots, slot)
	}
	return slots
}
