package redis_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/ratelimit"
)

// In all topologies two servers share limits, several at once too, and know of
// each other.
func TestTopologies(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) string{
		"standalone": func(t *testing.T) string { return testenv.NewRedis(t, testenv.RedisConfig{InMemory: true}).URL },
		"sentinel":   func(t *testing.T) string { return testenv.NewSentinel(t, testenv.SentinelConfig{}).URL },
		"cluster":    func(t *testing.T) string { return testenv.NewCluster(t, testenv.ClusterConfig{}).URL },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := start(t)
			servers := make([]*ratelimit.Limiter, 2)
			for i := range servers {
				servers[i] = limiter(t, ratelimit.Config{Store: open(t, url, "app"), Deadline: time.Second})
			}
			testenv.Eventually(t, patience, func() bool {
				return servers[0].Stats().Servers == 2 && servers[1].Stats().Servers == 2 && !servers[0].Stats().Local && !servers[1].Stats().Local
			}, "they see each other")
			address := ratelimit.Limit{Name: "address", Requests: 100, Period: time.Hour, Burst: 20}
			user := ratelimit.Limit{Name: "user", Requests: 10, Period: time.Hour, Burst: 2}
			for group := range 20 { // on a Cluster on different servers
				key := fmt.Sprint("192.0.2.", group)
				allowed := 0
				for i := range 30 {
					d, err := servers[i%2].TakeGroup(t.Context(), key, ratelimit.Ask{Limit: address, Key: key}, ratelimit.Ask{Limit: user, Key: key + "/anna"})
					must(t, err)
					if d.Allowed {
						allowed++
					}
					if d.Local {
						t.Fatalf("decided locally: %+v", servers[i%2].Stats())
					}
				}
				d, err := servers[0].TakeGroup(t.Context(), key, ratelimit.Ask{Limit: address, Key: key, Cost: -1}, ratelimit.Ask{Limit: user, Key: key + "/ben"})
				must(t, err)
				if allowed != 2 || d.States[0].Remaining != 18 || !d.Allowed {
					t.Fatalf("%d allowed, then %+v", allowed, d)
				}
			}
		})
	}
}

// A server that leaves is forgotten after a while.
func TestBeat(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	a := open(t, server.URL, server.Prefix)
	ids, err := a.Beat(t.Context(), "a", time.Hour)
	must(t, err)
	if len(ids) != 1 || ids[0] != "a" {
		t.Errorf("%q", ids)
	}
	ids, err = a.Beat(t.Context(), "b", time.Millisecond)
	must(t, err)
	if len(ids) != 2 {
		t.Errorf("%q", ids)
	}
	testenv.Eventually(t, patience, func() bool {
		ids, err = a.Beat(t.Context(), "a", time.Hour)
		must(t, err)
		return len(ids) == 1
	}, "b has gone")
	ttl, err := redigo.Int(dial(t, server.URL).Do("PTTL", server.Prefix+":r:servers"))
	must(t, err)
	if ttl <= 0 {
		t.Errorf("the registry stays for ever: %d", ttl)
	}
}

// After SCRIPT FLUSH, and after a restart, the script is sent again.
func TestScriptIsSentAgain(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	store := open(t, server.URL, "app")
	charge := func() []ratelimit.Charge {
		return []ratelimit.Charge{{Key: "k", Room: time.Hour, Cost: time.Microsecond}}
	}
	_, err := store.Take(t.Context(), "tag", charge())
	must(t, err)
	_, err = server.Do("SCRIPT", "FLUSH")
	must(t, err)
	_, err = store.Take(t.Context(), "tag", charge())
	must(t, err)
	if n := store.Losses(); n != 0 {
		t.Errorf("%d losses", n)
	}
	server.Restart()
	testenv.Eventually(t, patience, func() bool { _, err := store.Take(t.Context(), "tag", charge()); return err == nil }, "the restarted server decides")
	if n := store.Losses(); n != 1 {
		t.Errorf("%d losses after a restart", n)
	}
}

// A decision is one command, and one key that expires.
func TestOneRoundTrip(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	store := open(t, server.URL, "app")
	take := func() {
		_, err := store.Take(t.Context(), "tag", []ratelimit.Charge{{Key: "k", Room: time.Hour, Cost: time.Second}})
		must(t, err)
	}
	take() // sends the script
	calls := func() (n int) {
		info, err := redigo.String(server.Do("INFO", "commandstats"))
		must(t, err)
		for line := range strings.Lines(info) {
			if rest, ok := strings.CutPrefix(line, "cmdstat_evalsha:calls="); ok {
				_, err := fmt.Sscanf(rest, "%d", &n)
				must(t, err)
			}
			if strings.HasPrefix(line, "cmdstat_eval:") && !strings.Contains(line, "calls=1,") {
				t.Errorf("the script was sent again: %s", line)
			}
		}
		return n
	}
	before := calls()
	for range 10 {
		take()
	}
	if n := calls() - before; n != 10 {
		t.Errorf("10 decisions were %d commands", n)
	}
	keys, err := redigo.Strings(server.Do("KEYS", "*"))
	must(t, err)
	ttl, err := redigo.Int(server.Do("PTTL", "app:r:{tag}:k"))
	must(t, err)
	if len(keys) != 1 || ttl <= 0 || ttl > 11_000 {
		t.Errorf("keys %q, PTTL %d", keys, ttl)
	}
}

// A decision is one command to one server, however many limits there are, and
// wherever a Cluster keeps their keys.
func TestOneRoundTripInAllTopologies(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) (string, []*testenv.RedisServer){
		"standalone": func(t *testing.T) (string, []*testenv.RedisServer) {
			server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
			return server.URL, []*testenv.RedisServer{server}
		},
		"sentinel": func(t *testing.T) (string, []*testenv.RedisServer) {
			sentinel := testenv.NewSentinel(t, testenv.SentinelConfig{})
			return sentinel.URL, sentinel.Nodes
		},
		"cluster": func(t *testing.T) (string, []*testenv.RedisServer) {
			cluster := testenv.NewCluster(t, testenv.ClusterConfig{})
			return cluster.URL, cluster.Nodes
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, nodes := start(t)
			store := open(t, url, "app")
			const groups = 30
			take := func(limits int) {
				for group := range groups {
					charges := make([]ratelimit.Charge, limits)
					for i := range charges {
						charges[i] = ratelimit.Charge{Key: fmt.Sprint("k", i), Room: time.Hour, Cost: time.Second}
					}
					_, err := store.Take(t.Context(), fmt.Sprint("tag", group), charges)
					must(t, err)
				}
			}
			take(1) // sends the script to all servers
			for _, limits := range []int{1, 2, 8} {
				before := scriptCalls(t, nodes)
				take(limits)
				if n := scriptCalls(t, nodes) - before; n != groups {
					t.Errorf("%d decisions about %d limits were %d commands", groups, limits, n)
				}
			}
			busy := 0
			for _, node := range nodes {
				if scriptCalls(t, []*testenv.RedisServer{node}) > 0 {
					busy++
				}
				info, err := redigo.String(node.Do("INFO", "errorstats"))
				must(t, err)
				for _, moved := range []string{"errorstat_MOVED", "errorstat_ASK", "errorstat_CROSSSLOT"} {
					if strings.Contains(info, moved) {
						t.Errorf("a command went to the wrong server: %s", info)
					}
				}
			}
			if name == "cluster" && busy != len(nodes) {
				t.Errorf("%d of %d servers keep limits", busy, len(nodes))
			}
		})
	}
}

// scriptCalls is how often scripts were called by clients.
func scriptCalls(t *testing.T, nodes []*testenv.RedisServer) (n int) {
	t.Helper()
	for _, node := range nodes {
		info, err := redigo.String(node.Do("INFO", "commandstats"))
		must(t, err)
		for line := range strings.Lines(info) {
			for _, command := range []string{"cmdstat_evalsha:calls=", "cmdstat_eval:calls="} {
				if rest, ok := strings.CutPrefix(line, command); ok {
					var calls int
					_, err := fmt.Sscanf(rest, "%d", &calls)
					must(t, err)
					n += calls
				}
			}
		}
	}
	return n
}

// Sentinel names another primary: decisions go on there, and it counts as a loss.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	sentinel := testenv.NewSentinel(t, testenv.SentinelConfig{})
	store := open(t, sentinel.URL, "app")
	l := limiter(t, ratelimit.Config{Store: store, Deadline: time.Second})
	ask := ratelimit.Ask{Limit: ratelimit.Limit{Requests: 100_000, Period: time.Minute}, Key: "a"}
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := l.Take(t.Context(), ask); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Millisecond)
		}
	})
	sentinel.Failover()
	testenv.Eventually(t, patience, func() bool { return store.Losses() > 0 && !l.Stats().Local }, "the new primary decides")
	close(stop)
	work.Wait()
}
