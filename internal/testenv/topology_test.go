package testenv_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/testenv"
)

func TestSentinelFailsOver(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	s := testenv.NewSentinel(t, testenv.SentinelConfig{SentinelPassword: "watchers"})
	t.Logf("ready after %v", time.Since(begin))
	first := s.Primary()
	if first != s.Nodes[0] || !strings.HasSuffix(s.URL, "/mymaster/0") {
		t.Errorf("the primary is %s, the URL %s", first.Addr, s.URL)
	}
	if _, err := first.Do("SET", "k", "v"); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 10*time.Second, func() bool {
		value, err := redis.String(s.Nodes[1].Do("GET", "k"))
		return err == nil && value == "v"
	}, "the replica has the value")
	begin = time.Now()
	s.Failover()
	t.Logf("failed over after %v", time.Since(begin))
	second := s.Primary()
	if second == first {
		t.Fatal("the primary has not changed")
	}
	if value, err := redis.String(second.Do("GET", "k")); err != nil || value != "v" {
		t.Errorf("the new primary has %q, %v", value, err)
	}
}

func TestSentinelPrimaryDies(t *testing.T) {
	t.Parallel()
	s := testenv.NewSentinel(t, testenv.SentinelConfig{})
	first := s.Primary()
	begin := time.Now()
	first.Kill()
	s.AwaitPrimaryOtherThan(first.Addr)
	t.Logf("another primary after %v", time.Since(begin))
	if _, err := s.Primary().Do("SET", "k", "v"); err != nil {
		t.Errorf("a write to the new primary: %v", err)
	}
}

func TestClusterFailsOver(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	c := testenv.NewCluster(t, testenv.ClusterConfig{Replicas: true})
	t.Logf("ready after %v", time.Since(begin))
	if len(c.Nodes) != 6 || !c.IsPrimary(0) || c.IsPrimary(3) {
		t.Fatalf("%d nodes", len(c.Nodes))
	}
	begin = time.Now()
	c.Failover(0)
	t.Logf("failed over after %v", time.Since(begin))
	begin = time.Now()
	c.Nodes[1].Kill()
	testenv.Eventually(t, 20*time.Second, func() bool { return c.IsPrimary(4) }, "the replica of a killed node becomes a primary")
	t.Logf("replaced after %v", time.Since(begin))
	c.Nodes[1].Restart()
	testenv.Eventually(t, 20*time.Second, c.Ready, "the node is back")
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	certificates := testenv.NewCertificates(t)
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, TLS: certificates})
	if !strings.HasPrefix(server.URL, "rediss://") {
		t.Errorf("URL %s", server.URL)
	}
	if _, err := server.Do("PING"); err != nil {
		t.Errorf("by the socket: %v", err)
	}
	if _, err := redis.DialURL(strings.Replace(server.URL, "rediss:", "redis:", 1)); err == nil {
		t.Error("the server takes a connection without TLS")
	}
}
