package redis_test

import (
	"flag"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/faultproxy"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/ratelimit"
	"github.com/echoic-go/echoic/ratelimit/redis"
)

var (
	chaosPeriod = flag.Duration("ratelimit.period", time.Second, "the period of the limit of 100 in TestTwoServers")
	chaosLength = flag.Duration("ratelimit.length", 6*time.Second, "how long TestTwoServers runs; Redis is away in the middle third")
)

const (
	chaosRequests, chaosBurst = 100, 20
	chaosClients              = 200 // of each server
	// chaosDeadline is long: a busy machine must not look like a slow Redis.
	chaosDeadline = 250 * time.Millisecond
)

// granted is one allowed request. When exactly it was decided is not known, only
// that it was between the two instants.
type granted struct {
	from, to time.Duration
	local    bool
}

// fault makes Redis go away and come back.
type fault struct {
	begin, end func(server *testenv.RedisServer, proxies []*faultproxy.Proxy)
}

var faults = map[string]fault{
	"none": {func(*testenv.RedisServer, []*faultproxy.Proxy) {}, func(*testenv.RedisServer, []*faultproxy.Proxy) {}},
	"killed": {
		func(s *testenv.RedisServer, _ []*faultproxy.Proxy) { s.Kill() },
		func(s *testenv.RedisServer, _ []*faultproxy.Proxy) { s.Restart() },
	},
	"stopped": {
		func(s *testenv.RedisServer, _ []*faultproxy.Proxy) { s.Stop() },
		func(s *testenv.RedisServer, _ []*faultproxy.Proxy) { s.Cont() },
	},
	"slow": {
		func(_ *testenv.RedisServer, proxies []*faultproxy.Proxy) {
			for _, p := range proxies {
				p.Set(faultproxy.ToClient, faultproxy.Faults{Latency: 500 * time.Millisecond})
			}
		},
		func(_ *testenv.RedisServer, proxies []*faultproxy.Proxy) {
			for _, p := range proxies {
				p.Set(faultproxy.ToClient, faultproxy.Faults{})
			}
		},
	},
}

// 200 clients of each of two servers want more than there is: at most 120 of 100
// with a burst of 20 are allowed in any window in which only Redis has decided, or
// only the servers by themselves, and at most 200 in one in which both have.
func TestTwoServers(t *testing.T) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
			var proxies []*faultproxy.Proxy
			var servers []*ratelimit.Limiter
			for range 2 {
				proxy := faultproxy.ForTest(t, server.Addr)
				store, err := redis.New(t.Context(), redis.Config{URL: strings.Replace(server.URL, server.Addr, proxy.Addr(), 1), Prefix: "app"})
				must(t, err)
				t.Cleanup(func() { must(t, store.Close()) })
				ready(t, store)
				servers = append(servers, limiter(t, ratelimit.Config{Store: store, Deadline: chaosDeadline}))
				proxies = append(proxies, proxy)
			}
			testenv.Eventually(t, patience, func() bool {
				return servers[0].Stats().Servers == 2 && servers[1].Stats().Servers == 2 && !servers[0].Stats().Local && !servers[1].Stats().Local
			}, "they see each other")
			got := besiege(t, servers, func() { f.begin(server, proxies) }, func() { f.end(server, proxies) })
			judge(t, name, got)
			testenv.Eventually(t, patience, func() bool { return !servers[0].Stats().Local && !servers[1].Stats().Local }, "Redis decides again")
		})
	}
}

// besiege runs the clients, with the fault in the middle third.
func besiege(t *testing.T, servers []*ratelimit.Limiter, begin, end func()) []granted {
	limit := ratelimit.Limit{Requests: chaosRequests, Period: *chaosPeriod, Burst: chaosBurst}
	var mu sync.Mutex
	var all []granted
	stop := make(chan struct{})
	start := time.Now()
	var work sync.WaitGroup
	for i := range chaosClients * len(servers) {
		server := servers[i%len(servers)]
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(100 * time.Millisecond):
				}
				from := time.Since(start)
				d, err := server.Take(t.Context(), ratelimit.Ask{Limit: limit, Key: "hot"})
				if err != nil {
					t.Error(err)
				}
				if d.Allowed {
					mu.Lock()
					all = append(all, granted{from, time.Since(start), d.Local})
					mu.Unlock()
				}
			}
		})
	}
	time.Sleep(*chaosLength / 3) // this is the load, not a wait
	begin()
	time.Sleep(*chaosLength / 3)
	end()
	time.Sleep(*chaosLength / 3)
	close(stop)
	work.Wait()
	return all
}

// judge counts, in windows that begin with each grant, those that were certainly
// made in it.
func judge(t *testing.T, name string, all []granted) {
	t.Helper()
	most := map[string]int{}
	locals := 0
	for _, first := range all {
		n, local := 0, 0
		for _, g := range all {
			if g.from >= first.from && g.to <= first.from+*chaosPeriod {
				n++
				if g.local {
					local++
				}
			}
		}
		kind := "both"
		switch local {
		case 0:
			kind = "redis"
		case n:
			kind = "local"
		}
		most[kind] = max(most[kind], n)
		if first.local {
			locals++
		}
	}
	t.Logf("%s: %d allowed, %d of them locally; most in a window: %v", name, len(all), locals, most)
	if most["redis"] > chaosRequests+chaosBurst || most["local"] > chaosRequests+chaosBurst || most["both"] > 2*chaosRequests {
		t.Errorf("%s: too many in a window of %v: %v", name, *chaosPeriod, most)
	}
	if most["redis"] == 0 || name != "none" && locals == 0 {
		t.Errorf("%s: %d allowed, %d of them locally: nobody was let in", name, len(all), locals)
	}
}
