package redisconn_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/testenv"
)

// usable sets and gets a few keys, of different slots.
func usable(t testing.TB, url string, policy redisconn.Policy) {
	t.Helper()
	policy.ConnectTimeout, policy.SocketTimeout = patience, patience // this is not about time
	for name, verify := range map[string]redisconn.VerifyFunc{"open": nil, "verified": markAll} {
		link, err := redisconn.OpenVerified(t.Context(), parse(t, url), policy, nil, verify)
		must(t, err)
		for _, key := range []string{"a", "b", "c", "d"} {
			must(t, set(t.Context(), link, key, name))
			value, err := get(t.Context(), link, key)
			must(t, err)
			if value != name {
				t.Errorf("%s: got %q", name, value)
			}
		}
		must(t, link.Ping(t.Context()))
		must(t, link.Close())
	}
}

func TestSentinelLogins(t *testing.T) {
	t.Parallel()
	s := testenv.NewSentinel(t, testenv.SentinelConfig{
		SentinelPassword: "watchers",
		SentinelLines:    []string{"user observer on >" + marker + " allchannels +@all"},
		Config:           []string{"user app on >pa/ss ~* &* +@all"},
	})
	usable(t, s.URL, redisconn.Policy{SentinelPassword: "watchers"})
	usable(t, s.URL, redisconn.Policy{SentinelUser: "observer", SentinelPassword: marker})
	_, behind, _ := strings.Cut(s.URL, "@")
	usable(t, "redis://app:pa%2Fss@"+behind, redisconn.Policy{SentinelPassword: "watchers"})
	one := "redis://app:pa%2Fss@" + s.Sentinels[0].Addr + "/mymaster/3"
	usable(t, one, redisconn.Policy{SentinelPassword: "watchers"})

	for _, row := range []struct {
		name, url, password string
		texts               []string
	}{
		{"no password for the sentinels", s.URL, "", []string{"sentinel", "NOAUTH", "the sentinels' own"}},
		{"wrong password for the sentinels", s.URL, marker, []string{"sentinel", "WRONGPASS", "the sentinels' own"}},
		{"wrong password for the primary", "redis://:" + marker + "@" + behind, "watchers", []string{"WRONGPASS", s.Nodes[0].Addr, "in the URL"}},
		{"unknown primary", strings.Replace(s.URL, "mymaster", "other", 1), "watchers", []string{"sentinel", "No such master", "correct the name of the primary"}},
		{"no sentinel", "redis://" + testenv.RefusedAddr(t) + "/mymaster/0", "", []string{"sentinel", "refused", "start the server"}},
		{"no sentinel but a server", "redis://:" + s.Nodes[0].Password + "@" + s.Nodes[0].Addr + "/mymaster/0", s.Nodes[0].Password, []string{"sentinel", "unknown command", s.Nodes[0].Addr}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, verify := range []redisconn.VerifyFunc{nil, markAll} {
				link, err := redisconn.OpenVerified(t.Context(), parse(t, row.url), redisconn.Policy{SentinelPassword: row.password, ConnectTimeout: patience, SocketTimeout: patience}, nil, verify)
				must(t, err)
				err = link.Ping(t.Context())
				unavailableWith(t, err, ":", row.texts...)
				if strings.Contains(err.Error(), marker) {
					t.Errorf("the error shows the password: %v", err)
				}
				must(t, link.Close())
			}
		})
	}
}

func TestSentinelEncrypted(t *testing.T) {
	t.Parallel()
	certs := testenv.NewCertificates(t)
	s := testenv.NewSentinel(t, testenv.SentinelConfig{TLS: certs, SentinelPassword: "watchers"})
	policy := encrypted(certs)
	policy.SentinelPassword = "watchers"
	usable(t, s.URL, policy)
}

func TestClusterEncrypted(t *testing.T) {
	t.Parallel()
	certs := testenv.NewCertificates(t)
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{TLS: certs})
	usable(t, cluster.URL, encrypted(certs))
}

func TestClusterWays(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{Config: []string{"user app on >pw ~* &* +@all"}})
	_, behind, _ := strings.Cut(cluster.URL, "@")
	usable(t, cluster.URL, redisconn.Policy{})
	usable(t, "redis://app:pw@"+strings.TrimSuffix(behind, "/0")+"/1", redisconn.Policy{}) // a number is part of keys only

	for _, row := range []struct {
		name, url string
		texts     []string
	}{
		{"wrong password", "redis://:" + marker + "@" + behind, []string{"WRONGPASS", "in the URL"}},
		{"no password", "redis://" + behind, []string{"NOAUTH", "in the URL"}},
		{"nobody there", "redis://" + testenv.RefusedAddr(t) + "," + testenv.RefusedAddr(t), []string{"refused", "start the server"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, verify := range []redisconn.VerifyFunc{nil, markAll} {
				link, err := redisconn.OpenVerified(t.Context(), parse(t, row.url), calm, nil, verify)
				must(t, err)
				err = link.Ping(t.Context())
				texts := row.texts
				if verify == nil && row.name == "no password" {
					texts = texts[:1]
				}
				unavailableWith(t, err, ":", texts...)
				must(t, link.Close())
			}
		})
	}
	t.Run("no cluster", func(t *testing.T) {
		t.Parallel()
		a, b := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, NoPassword: true}), testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, NoPassword: true})
		link := open(t, "redis://"+a.Addr+","+b.Addr, calm, nil)
		unavailableWith(t, link.Ping(t.Context()), ":", "cluster support disabled", "write the address of one server")
	})
	t.Run("one address of a cluster", func(t *testing.T) {
		t.Parallel()
		link := open(t, cluster.Nodes[0].URL, calm, nil)
		var err error
		for _, key := range []string{"a", "b", "c", "d"} {
			err = errors.Join(err, set(t.Context(), link, key, "v"))
		}
		unavailableWith(t, err, cluster.Nodes[0].Addr, "MOVED")
	})
}

// answers waits for a link whose timeouts a busy machine may exceed.
func answers(t testing.TB, link *redisconn.Link) {
	t.Helper()
	testenv.Eventually(t, patience, func() bool { return link.Ping(t.Context()) == nil }, "a server answers")
}

// TestClusterDown: slots that nobody serves are unavailability.
func TestClusterDown(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{NodeTimeout: 500 * time.Millisecond})
	link := open(t, cluster.URL, redisconn.Policy{}, nil)
	answers(t, link)
	cluster.Nodes[2].Kill()
	testenv.Eventually(t, patience, func() bool {
		err := set(t.Context(), link, "b", "v") // of the first node
		if err != nil {
			unavailableWith(t, err, ":")
		}
		return err != nil && strings.Contains(err.Error(), "CLUSTERDOWN")
	}, "the cluster says that it is down")
	cluster.Nodes[2].Restart()
	testenv.Eventually(t, 2*patience, func() bool { return set(t.Context(), link, "b", "v") == nil }, "the cluster is back")
}

// TestManyServersAllStopped: whatever is stopped, calls keep to their own
// deadlines and to the link's, and everything goes on afterwards.
func TestManyServersAllStopped(t *testing.T) {
	t.Parallel()
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		s := testenv.NewSentinel(t, testenv.SentinelConfig{DownAfter: time.Minute})
		stopAll(t, s.URL, append(s.Nodes, s.Sentinels...))
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		cluster := testenv.NewCluster(t, testenv.ClusterConfig{NodeTimeout: time.Minute})
		stopAll(t, cluster.URL, cluster.Nodes)
	})
}

// slowSocket is long enough to tell, on a busy machine, who waits for it from who
// does not.
const slowSocket = 2 * time.Second

func stopAll(t *testing.T, url string, servers []*testenv.RedisServer) {
	for _, verify := range []redisconn.VerifyFunc{nil, markAll} {
		link, err := redisconn.OpenVerified(t.Context(), parse(t, url), redisconn.Policy{SocketTimeout: slowSocket}, nil, verify)
		must(t, err)
		answers(t, link)
		for _, server := range servers {
			server.Stop()
		}
		stalledCalls(t, link)
		for _, server := range servers {
			server.Cont()
		}
		testenv.Eventually(t, patience, func() bool { return set(t.Context(), link, "k", "v") == nil }, "a write succeeds")
		for _, server := range servers {
			server.Stop()
		}
		within(t, slowSocket+2*slack, "Close", func() { must(t, link.Close()) })
		for _, server := range servers {
			server.Cont()
		}
	}
}

// stalledCalls calls for a while, with and without deadlines of its own.
func stalledCalls(t *testing.T, link *redisconn.Link) {
	const short = 50 * time.Millisecond
	var callers sync.WaitGroup
	until := time.Now().Add(1500 * time.Millisecond)
	for i := range 16 {
		callers.Go(func() {
			for time.Now().Before(until) {
				ctx, limit, cancel := t.Context(), 2*slowSocket+slack, context.CancelFunc(func() {})
				if i%2 == 0 {
					limit = slowSocket * 3 / 4
					ctx, cancel = context.WithTimeout(ctx, short)
				}
				within(t, limit, "a call", func() {
					err := link.Write(ctx, "set", func(ctx context.Context, c rueidis.Client) error {
						return c.Do(ctx, c.B().Set().Key(string(rune('a'+i))).Value("v").Build()).Error()
					})
					if err == nil {
						t.Error("a stopped server answers")
					}
				})
				cancel()
			}
		})
	}
	callers.Wait()
}
