package redis_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

// 500 callers of a server that has stopped come back, again and again, and leave
// nothing behind. It is not parallel: it counts goroutines.
func TestCrowdAtAStoppedServer(t *testing.T) {
	const callers, rounds = 500, 5
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	store := open(t, redis.Config{URL: server.URL})
	testenv.Eventually(t, patience, func() bool { return store.Ping(t.Context()) == nil }, "the server answers")
	before := runtime.NumGoroutine()
	server.Stop()
	most := 0
	for range rounds {
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				if _, _, err := store.Get(ctx, "k"); !errors.Is(err, cache.ErrDegraded) && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Get: %v", err)
				}
			})
		}
		group.Wait()
		most = max(most, runtime.NumGoroutine()-before)
	}
	// A command that was given up keeps its place until the connection is.
	if most > 2*callers+50 {
		t.Errorf("%d goroutines more than before, with %d callers", most, callers)
	}
	testenv.Eventually(t, patience, func() bool { return runtime.NumGoroutine() <= before+10 }, "the goroutines have gone")
	server.Cont()
	testenv.Eventually(t, patience, func() bool { return store.Health(t.Context()) == nil }, "the server answers again")
}
