package failover_test

import (
	"context"
	"errors"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/cachetest"
	"github.com/echoic-go/echoic/cache/failover"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	shared := openRedis(t, testenv.Redis(t).URL)
	cachetest.Run(t, func(t *testing.T) cache.Store {
		return open(t, failover.Config{Primary: shared, Budget: calm})
	}, cachetest.Caps{Shared: true, Renewer: true})
}

// countingStore counts as well as the fallback can: what it is asked for while
// open would be refused otherwise.
type countingStore struct{ *failover.Store }

func (s countingStore) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (int64, error) {
	return s.Store.Incr(failover.BestEffort(ctx), key, delta, create)
}

func TestConformanceOpen(t *testing.T) {
	t.Parallel()
	away := openRedis(t, "redis://"+testenv.RefusedAddr(t))
	spare := openDatabase(t, testenv.Postgres(t).Database(t))
	cachetest.RunStore(t, func(t *testing.T) cache.Store {
		store := open(t, failover.Config{Primary: away, Fallback: spare, Budget: calm, FallbackCalls: 1000})
		if err := set(t.Context(), store, "first", "x"); err != nil {
			t.Fatal(err)
		}
		becomes(t, store, failover.Open)
		return countingStore{store}
	}, cachetest.Caps{Shared: true, Renewer: true})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	store := openRedis(t, testenv.Redis(t).URL)
	for name, cfg := range map[string]failover.Config{
		"no primary":    {},
		"weak primary":  {Primary: onlyStore{store}},
		"weak fallback": {Primary: store, Fallback: onlyStore{store}},
		"budget":        {Primary: store, Budget: -1},
		"late":          {Primary: store, Late: calm},
		"failures":      {Primary: store, Failures: -1},
		"window":        {Primary: store, Window: -1},
		"calls":         {Primary: store, FallbackCalls: 1001},
	} {
		if s, err := failover.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
			must(t, errors.Join(s.Close()))
		}
	}
}

type onlyStore struct{ cache.Store }
