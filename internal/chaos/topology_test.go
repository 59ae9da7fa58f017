package chaos_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/chaos"
	"github.com/echoic-go/echoic/internal/testenv"
)

// The primary dies; the sentinels make its replica the new one.
func TestSentinelFailover(t *testing.T) {
	sentinel := testenv.NewSentinel(t, testenv.SentinelConfig{})
	world := chaos.New(t, chaos.Config{RedisURL: sentinel.URL})
	primary := sentinel.Primary()
	nobody := func() {} // the old primary stays away
	fault{moves: true, world: world, breakIt: primary.Kill, mend: nobody}.run(t)
}

// The primary is asked to hand over: a graceful failover, in which the old one
// stays and becomes a replica.
func TestSentinelHandover(t *testing.T) {
	sentinel := testenv.NewSentinel(t, testenv.SentinelConfig{})
	world := chaos.New(t, chaos.Config{RedisURL: sentinel.URL})
	fault{moves: true, world: world, breakIt: sentinel.Failover, mend: func() {}}.run(t)
}

// One of three primaries dies and comes back empty; it has no replica. The
// cluster itself takes a while to call the node well again, twice its node
// timeout: it is up when all nodes say so.
func TestClusterNodeLost(t *testing.T) {
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{})
	world := chaos.New(t, chaos.Config{RedisURL: cluster.URL})
	node := cluster.Nodes[1]
	mend := func() {
		node.Restart()
		testenv.Eventually(t, clusterPatience, cluster.Ready, "the cluster serves all slots again")
	}
	fault{moves: true, world: world, breakIt: node.Kill, mend: mend}.run(t)
}

// clusterPatience is what a cluster and a busy machine take to agree on a node.
const clusterPatience = 30 * time.Second

// One of three primaries dies, and its replica takes over.
func TestClusterFailover(t *testing.T) {
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{Replicas: true})
	world := chaos.New(t, chaos.Config{RedisURL: cluster.URL})
	fault{moves: true, world: world, breakIt: cluster.Nodes[0].Kill, mend: func() {}}.run(t)
}
