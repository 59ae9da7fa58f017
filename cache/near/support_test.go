package near_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/cache/near"
	"github.com/echoic-go/echoic/internal/testenv"
)

// bound is how long something may be served that is out of date, if the way from
// the server is dead and nobody says so.
const bound = 2 * time.Second

// track makes a tier that a tracker feeds, and waits until it is verified.
func track(t testing.TB, url string, prefixes ...string) *near.Tier {
	t.Helper()
	tier := open(t, near.Config{Prefixes: prefixes, MaxTTL: time.Hour})
	startTracker(t, near.TrackConfig{URL: url, Tier: tier})
	awaitVerified(t, tier)
	return tier
}

func startTracker(t testing.TB, cfg near.TrackConfig) *near.Tracker {
	t.Helper()
	tracker, err := near.Track(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, tracker.Close()) })
	return tracker
}

func awaitVerified(t testing.TB, tier *near.Tier) {
	t.Helper()
	testenv.Eventually(t, patience, tier.Verified, "the tier is verified: %v", tier.Stats().Down)
}

// awaitUnverified fails if it takes longer than the bound.
func awaitUnverified(t testing.TB, tier *near.Tier) {
	t.Helper()
	testenv.Within(t, bound, func() bool { return !tier.Verified() }, "the tier is unverified")
}

// awaitMiss waits until key is dropped.
func awaitMiss(t testing.TB, tier *near.Tier, key string) {
	t.Helper()
	testenv.Eventually(t, patience, func() bool { return !has(tier, key) }, "%s is dropped", key)
}

// conn is another server's connection to Redis.
func conn(t testing.TB, url string) redis.Conn {
	t.Helper()
	c, err := redis.DialURL(url, redis.DialReadTimeout(patience), redis.DialWriteTimeout(patience))
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func do(t testing.TB, c redis.Conn, command string, args ...any) any {
	t.Helper()
	reply, err := c.Do(command, args...)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return reply
}

// write changes a key and waits until the tier has heard of it, and so of all
// that was written on the same server before.
func write(t testing.TB, tier *near.Tier, c redis.Conn, key string) {
	t.Helper()
	changed, stop := tier.Watch(key)
	defer stop()
	do(t, c, "SET", key, "x")
	select {
	case <-changed:
	case <-time.After(patience):
		t.Fatalf("a write of %s does not arrive", key)
	}
}

// connections is how many connections trackers have to the server.
func connections(t testing.TB, c redis.Conn) int {
	t.Helper()
	list, err := redis.String(c.Do("CLIENT", "LIST"))
	must(t, err)
	return strings.Count(list, "name=echoic-near ")
}
