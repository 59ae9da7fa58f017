package redis_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/cachetest"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

func conformance(t *testing.T, url string) {
	t.Helper()
	cachetest.Run(t, func(t *testing.T) cache.Store {
		return open(t, redis.Config{URL: url, SocketTimeout: calm})
	}, cachetest.Caps{Shared: true, Renewer: true})
}

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance(t, testenv.Redis(t).URL)
}

// On a server without the commands that block it or touch what is not ours.
func TestConformanceSocket(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{
		`rename-command FLUSHDB ""`, `rename-command FLUSHALL ""`, `rename-command KEYS ""`,
	}})
	conformance(t, "unix://:"+server.Password+"@"+(&url.URL{Path: server.Socket}).EscapedPath()+"?db=3")
}

// A Cluster has no databases: the number becomes part of the keys.
func TestConformanceCluster(t *testing.T) {
	t.Parallel()
	conformance(t, strings.TrimSuffix(testenv.NewCluster(t, testenv.ClusterConfig{}).URL, "/0")+"/2")
}

func TestConformanceSentinel(t *testing.T) {
	t.Parallel()
	conformance(t, testenv.NewSentinel(t, testenv.SentinelConfig{}).URL)
}
