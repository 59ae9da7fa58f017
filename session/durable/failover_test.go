package durable_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/redis"
)

// TestFailover: what was acknowledged before and during a failover is there
// afterwards, whoever ordered it.
func TestFailover(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) (url string, failover func()){
		"Sentinel": func(t *testing.T) (string, func()) {
			fixture := testenv.NewSentinel(t, testenv.SentinelConfig{})
			return fixture.URL, fixture.Failover
		},
		"Cluster": func(t *testing.T) (string, func()) {
			fixture := testenv.NewCluster(t, testenv.ClusterConfig{Replicas: true})
			return fixture.URL, func() { fixture.Failover(0) }
		},
		"node of a Cluster lost": func(t *testing.T) (string, func()) {
			fixture := testenv.NewCluster(t, testenv.ClusterConfig{Replicas: true})
			return fixture.URL, func() {
				fixture.Nodes[0].Kill()
				testenv.Eventually(t, patience, func() bool { return fixture.IsPrimary(fixture.Primaries) }, "its replica is a primary")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, failover := start(t)
			keepsAcknowledged(t, url, failover)
		})
	}
}

func keepsAcknowledged(t *testing.T, url string, failover func()) {
	db, cfg := databases()["postgres"](t), redis.OpenConfig{URL: url}
	a, b := open(t, db(), cfg, !calm), open(t, db(), cfg, !calm)
	await(t, a, b)
	one, two := manager(t, a), manager(t, b)
	tokens := make([]string, users)
	for n := range users {
		tokens[n] = login(t, one, name(n))
		read(t, two, tokens[n], "k")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		failover()
	}()
	last := make([]string, users)
	for round := 0; ; round++ {
		for n, token := range tokens {
			m := one
			if (n+round)%2 == 0 {
				m = two
			}
			value := time.Now().Format(time.RFC3339Nano)
			ctx := m.Context(t.Context(), token)
			if m.Preload(ctx) != nil {
				continue
			}
			m.Put(ctx, "k", value)
			if _, _, err := m.Commit(ctx); err == nil {
				last[n] = value
			} else {
				last[n] = "" // it is not known
			}
		}
		select {
		case <-done:
		default:
			continue
		}
		break
	}
	await(t, a, b)
	for range 2 {
		for n, token := range tokens {
			for _, m := range []*session.Manager{one, two} {
				user, value := read(t, m, token, "k")
				if user != name(n) || last[n] != "" && value != last[n] {
					t.Errorf("user %q has %q, want %q, %q", user, value, name(n), last[n])
				}
			}
		}
	}
}
