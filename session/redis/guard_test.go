package redis_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/redis"
)

// outages are a server and a store on it, of both kinds.
func outages(t *testing.T) map[string]struct {
	server *testenv.RedisServer
	store  redis.Sessions
} {
	single := testenv.NewRedis(t, testenv.RedisConfig{})
	watched := testenv.NewSentinel(t, testenv.SentinelConfig{DownAfter: time.Minute})
	return map[string]struct {
		server *testenv.RedisServer
		store  redis.Sessions
	}{
		"single":   {single, openSessions(t, redis.OpenConfig{URL: single.URL})},
		"sentinel": {watched.Nodes[0], openSessions(t, redis.OpenConfig{URL: watched.URL})},
	}
}

// TestGivenUp: a Redis that is stopped or killed is soon not asked any more, a
// call then takes no time and says that it was none, and when Redis is back it is
// asked again.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	for name, o := range outages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fetch := func() (spent time.Duration, err error) {
				ctx := cache.WithBudget(t.Context(), 50*time.Millisecond)
				_, _, err = o.store.Fetch(ctx, "k")
				return cache.BudgetOf(ctx).Spent(), err
			}
			testenv.Eventually(t, patient, func() bool { _, err := fetch(); return err == nil }, "Redis answers")
			for _, fault := range []struct {
				name     string
				on, undo func()
			}{
				{name: "stopped", on: o.server.Stop, undo: o.server.Cont},
				{name: "killed", on: o.server.Kill, undo: o.server.Restart},
			} {
				fault.on()
				quick := 0
				testenv.Eventually(t, patient, func() bool {
					spent, err := fetch()
					if err == nil || !errors.Is(err, session.ErrUnavailable) {
						t.Errorf("%s: Fetch: %v, want ErrUnavailable", fault.name, err)
					}
					if spent < 5*time.Millisecond {
						quick++
					} else {
						quick = 0
					}
					return quick >= 20
				}, "%s: Redis is not asked any more", fault.name)
				if changed, err := o.store.Insert(t.Context(), "new", session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour)}); changed || !errors.Is(err, session.ErrUnavailable) {
					t.Errorf("%s: Insert: %v, %v", fault.name, changed, err)
				}
				fault.undo()
				testenv.Eventually(t, patient, func() bool { _, err := fetch(); return err == nil }, "%s: Redis is asked again", fault.name)
			}
		})
	}
}

// TestBudgetUsedUp: a request that has nothing left does not ask.
func TestBudgetUsedUp(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	s := openStore(t, server.URL, server.Prefix)
	ctx := cache.WithBudget(t.Context(), time.Nanosecond)
	_, done, ok := cache.Spend(ctx)
	if !ok {
		t.Fatal("the budget is used up before it was spent")
	}
	testenv.Eventually(t, patient, func() bool { return cache.BudgetOf(ctx).Left() == 0 }, "it is spent")
	done()
	if _, _, err := s.Fetch(ctx, "k"); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("Fetch: %v, want ErrUnavailable", err)
	}
	if _, _, err := s.Fetch(context.WithoutCancel(t.Context()), "k"); err != nil {
		t.Errorf("Fetch of another request: %v", err)
	}
}
