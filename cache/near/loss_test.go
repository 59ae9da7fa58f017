package near_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache/near"
	"github.com/echoic-go/echoic/internal/faultproxy"
	"github.com/echoic-go/echoic/internal/testenv"
)

// The tracking connection is killed in the moment of a write, so that the news
// of it go nowhere.
func TestTrackerKilled(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	tier := track(t, server.URL)
	c := conn(t, server.URL)
	const key = "echoic:p:k"
	var longest time.Duration
	for i := range killTrials {
		awaitVerified(t, tier)
		hold(t, tier, key, i)
		must(t, c.Send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
		must(t, c.Send("SET", key, i+1))
		must(t, c.Flush())
		for range 2 {
			_, err := c.Receive()
			must(t, err)
		}
		watch, begin := testenv.NewStopwatch(), time.Now()
		for tier.Verified() && has(tier, key) {
			if time.Since(begin) > bound && watch.Took() > bound {
				t.Fatalf("trial %d: a stale hit after %v", i, watch.Took())
			}
		}
		longest = max(longest, watch.Took())
		awaitVerified(t, tier)
		if has(tier, key) {
			t.Fatalf("trial %d: what was held before the loss is there after it", i)
		}
	}
	t.Logf("%d trials, the longest stale time was %v", killTrials, longest)
	if n := connections(t, c); n != 1 {
		t.Errorf("%d connections are left", n)
	}
}

func TestTrackerOutputBufferOverrun(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{"client-output-buffer-limit normal 32kb 0 0"}})
	tier := track(t, server.URL)
	c := conn(t, server.URL)
	eras := tier.Stats().Eras
	var many []any
	for i := range 3000 {
		many = append(many, fmt.Sprint("echoic:p:", strings.Repeat("x", 200), i), "x")
	}
	key := many[0].(string)
	hold(t, tier, key, 1)
	do(t, c, "MSET", many...)
	begin := time.Now()
	testenv.Within(t, bound, func() bool { return !tier.Verified() || !has(tier, key) }, "no stale hit")
	t.Logf("dropped after %v", time.Since(begin))
	testenv.Eventually(t, patience, func() bool { return tier.Stats().Eras > eras && tier.Verified() }, "the tier is verified again")
	if has(tier, key) {
		t.Error("what was held before the loss is there after it")
	}
	hold(t, tier, key, 2)
	write(t, tier, c, key)
}

func TestTrackerFlushed(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	tier := track(t, server.URL)
	c := conn(t, server.URL)
	for _, command := range []string{"FLUSHALL", "FLUSHDB"} {
		const key = "echoic:p:k"
		awaitVerified(t, tier)
		hold(t, tier, key, 1)
		do(t, c, command)
		testenv.Eventually(t, patience, func() bool { return !has(tier, key) && tier.Verified() }, "everything is dropped by %s", command)
	}
}

// silent checks what has to happen when nothing arrives from the server and no
// connection ends.
func silent(t *testing.T, tier *near.Tier, begin, end func()) {
	t.Helper()
	const key = "echoic:p:k"
	hold(t, tier, key, 1)
	begin()
	awaitUnverified(t, tier)
	if !has(tier, key) {
		t.Error("what was held is gone while the server is silent")
	}
	end()
	awaitVerified(t, tier)
	if has(tier, key) {
		t.Error("what was held before the silence is there after it")
	}
}

func TestTrackerServerStopped(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	silent(t, track(t, server.URL), server.Stop, server.Cont)
}

func TestTrackerHalfOpenLink(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	proxy := faultproxy.ForTest(t, server.Addr)
	tier := track(t, strings.ReplaceAll(server.URL, server.Addr, proxy.Addr()))
	c := conn(t, server.URL)
	silent(t, tier, func() {
		proxy.Set(faultproxy.ToClient, faultproxy.Faults{Blackhole: true})
		do(t, c, "SET", "echoic:p:k", 2)
	}, func() { must(t, proxy.Heal()) })
	hold(t, tier, "echoic:p:k", 3)
	write(t, tier, c, "echoic:p:k")
}

func TestTrackerServerDies(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	silent(t, track(t, server.URL), server.Kill, server.Restart)
}

func TestTrackerBeforeTheServer(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	server.Shutdown()
	tier := open(t, near.Config{})
	startTracker(t, near.TrackConfig{URL: server.URL, Tier: tier})
	testenv.Eventually(t, patience, func() bool {
		for _, reason := range tier.Stats().Down {
			return strings.Contains(reason, server.Addr)
		}
		return false
	}, "the reason names the server")
	server.Restart()
	awaitVerified(t, tier)
}

func TestTrackerWrongPassword(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	tier := open(t, near.Config{})
	startTracker(t, near.TrackConfig{URL: "redis://:wrong-secret@" + server.Addr, Tier: tier})
	testenv.Eventually(t, patience, func() bool {
		for _, reason := range tier.Stats().Down {
			if strings.Contains(reason, "wrong-secret") {
				t.Fatalf("the password is shown: %s", reason)
			}
			return strings.Contains(reason, "check user and password")
		}
		return false
	}, "the reason is the password")
}

// A user who may do nothing but what the caches need, and log in, can listen.
func TestTrackerUserOfTheACL(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{
		"user app on >secret ~echoic:* +@all -@dangerous -@admin",
	}})
	track(t, "redis://app:secret@"+server.Addr)
}

// The name in a URL may lead to another server after a failover: one that has
// become a replica is not listened to, since it may stop hearing of changes.
func TestTrackerReplica(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	tier := track(t, server.URL)
	c := conn(t, server.URL)
	do(t, c, "REPLICAOF", "127.0.0.1", "1")
	awaitUnverified(t, tier)
	do(t, c, "REPLICAOF", "NO", "ONE")
	awaitVerified(t, tier)
}
