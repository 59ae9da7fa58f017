package near_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/cachetest"
	"github.com/echoic-go/echoic/cache/near"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

// TestConformance lets the suite of package cache run behind a near tier: nothing
// that a cache promises may change by it.
func TestConformance(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	cachetest.Run(t, func(t *testing.T) cache.Store {
		store, err := redis.New(t.Context(), redis.Config{URL: server.URL, SocketTimeout: 5 * time.Second})
		must(t, err)
		return store
	}, cachetest.Caps{Shared: true, Renewer: true, Near: func(t *testing.T, prefix string) cache.Near {
		tier, err := near.New(near.Config{Prefixes: []string{prefix}})
		must(t, err)
		t.Cleanup(func() { must(t, tier.Close()) })
		tracker, err := near.Track(t.Context(), near.TrackConfig{URL: server.URL, Tier: tier, Silence: 10 * time.Second, ConnectTimeout: 10 * time.Second})
		must(t, err)
		t.Cleanup(func() { must(t, tracker.Close()) })
		awaitVerified(t, tier)
		return tier
	}})
}
