package chaos_test

import (
	"testing"

	"github.com/echoic-go/echoic/internal/chaos"
	"github.com/echoic-go/echoic/internal/testenv"
)

// The primary dies; the sentinels make its replica the new one.
func TestSentinelFailover(t *testing.T) {
	sentinel := testenv.NewSentinel(t, testenv.SentinelConfig{})
	world := chaos.New(t, chaos.Config{RedisURL: sentinel.URL})
	primary := sentinel.Primary()
	nobody := func() {} // the old primary stays away
	fault{world: world, breakIt: primary.Kill, mend: nobody}.run(t)
}

// The primary is asked to hand over: a graceful failover, in which the old one
// stays and becomes a replica.
func TestSentinelHandover(t *testing.T) {
	sentinel := testenv.NewSentinel(t, testenv.SentinelConfig{})
	world := chaos.New(t, chaos.Config{RedisURL: sentinel.URL})
	fault{world: world, breakIt: sentinel.Failover, mend: func() {}}.run(t)
}

// One of three primaries dies and comes back empty; it has no replica.
func TestClusterNodeLost(t *testing.T) {
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{})
	world := chaos.New(t, chaos.Config{RedisURL: cluster.URL})
	node := cluster.Nodes[1]
	fault{world: world, breakIt: node.Kill, mend: node.Restart}.run(t)
}

// One of three primaries dies, and its replica takes over.
func TestClusterFailover(t *testing.T) {
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{Replicas: true})
	world := chaos.New(t, chaos.Config{RedisURL: cluster.URL})
	fault{world: world, breakIt: cluster.Nodes[0].Kill, mend: func() {}}.run(t)
}
