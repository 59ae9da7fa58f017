package redis_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/faultproxy"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/pubsub"
	"github.com/echoic-go/echoic/pubsub/pubsubtest"
	"github.com/echoic-go/echoic/pubsub/redis"
)

const patience = 30 * time.Second

func open(t testing.TB, url string) *redis.Driver {
	t.Helper()
	d, err := redis.New(context.Background(), redis.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	testenv.Eventually(t, patience, func() bool { return d.Ping(context.Background()) == nil }, "the server is there")
	return d
}

func TestConformance(t *testing.T) {
	t.Parallel()
	pubsubtest.Run(t, func(t *testing.T) pubsubtest.Env {
		server := testenv.Redis(t)
		proxy := faultproxy.ForTest(t, server.Addr)
		url := strings.Replace(server.URL, server.Addr, proxy.Addr(), 1)
		return pubsubtest.Env{Open: func() pubsub.Driver { return open(t, url) }, Cut: func() { proxy.Reset() }}
	})
}

// A server that restarts, or is silent and comes back.
func TestServerGoesAndComes(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(t *testing.T, server *testenv.RedisServer, proxy *faultproxy.Proxy){
		"restarted": func(_ *testing.T, server *testenv.RedisServer, _ *faultproxy.Proxy) { server.Kill(); server.Restart() },
		"killed connections": func(t *testing.T, server *testenv.RedisServer, _ *faultproxy.Proxy) {
			if _, err := server.Do("CLIENT", "KILL", "TYPE", "pubsub"); err != nil {
				t.Error(err)
			}
		},
		"silent": func(t *testing.T, _ *testenv.RedisServer, proxy *faultproxy.Proxy) {
			before := proxy.Stats()
			proxy.Partition()
			testenv.Eventually(t, patience, func() bool { return proxy.Stats() != before }, "somebody notices")
			time.Sleep(2 * time.Second) // longer than a server may be silent
			if err := proxy.Heal(); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
			proxy := faultproxy.ForTest(t, server.Addr)
			url := strings.Replace(server.URL, server.Addr, proxy.Addr(), 1)
			told(t, url, func() { cut(t, server, proxy) })
		})
	}
}

// told checks that both processes are told, and hear each other afterwards.
func told(t *testing.T, url string, cut func()) {
	t.Helper()
	var buses []*pubsub.PubSub
	var subs []*pubsub.Subscription
	for range 2 {
		bus, err := pubsub.New(pubsub.Config{Driver: open(t, url), Patience: patience})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = bus.Close() })
		sub, err := bus.Subscribe(t.Context(), "news")
		if err != nil {
			t.Fatal(err)
		}
		buses, subs = append(buses, bus), append(subs, sub)
	}
	pass(t, buses[0], subs, "before", false)
	cut()
	pass(t, buses[1], subs, "after", true)
}

func pass(t *testing.T, bus *pubsub.PubSub, subs []*pubsub.Subscription, text string, missed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, sub := range subs {
		for missed {
			m, err := sub.Receive(ctx)
			if err != nil {
				t.Fatalf("nobody says that something was missed: %v", err)
			}
			if m.Missed {
				break
			}
		}
	}
	testenv.Eventually(t, patience, func() bool { return bus.Publish(ctx, "news", []byte(text)) == nil }, "it is published")
	for _, sub := range subs {
		for {
			m, err := sub.Receive(ctx)
			if err != nil {
				t.Fatalf("%q does not arrive: %v", text, err)
			}
			if string(m.Payload) == text {
				break
			}
		}
	}
}

func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	sentinel := testenv.NewSentinel(t, testenv.SentinelConfig{})
	told(t, sentinel.URL, sentinel.Failover)
}

// A message reaches subscribers at every node of a Cluster, and when nodes go,
// those who listened there are told.
func TestCluster(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{Replicas: true})
	told(t, cluster.URL, func() {
		for _, node := range cluster.Nodes[:cluster.Primaries] {
			if _, err := node.Do("CLIENT", "KILL", "TYPE", "pubsub"); err != nil {
				t.Error(err)
			}
		}
	})
	told(t, cluster.URL, func() {
		for i := range cluster.Primaries {
			if cluster.IsPrimary(i) {
				cluster.Failover(i)
			}
		}
	})
}

// Subscribe does not wait for ever, and says so later.
func TestSubscribeWhileAway(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	server.Kill()
	d, err := redis.New(t.Context(), redis.Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	bus, err := pubsub.New(pubsub.Config{Driver: d, Patience: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	sub, err := bus.Subscribe(t.Context(), "news")
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Publish(t.Context(), "news", nil); err == nil {
		t.Error("it was published")
	}
	server.Restart()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if m, err := sub.Receive(ctx); err != nil || !m.Missed {
		t.Errorf("%+v, %v", m, err)
	}
}
