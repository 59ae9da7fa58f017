package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/chaos"
	"github.com/echoic-go/echoic/internal/faultproxy"
	"github.com/echoic-go/echoic/internal/testenv"
)

const (
	// coherenceSteps is how many steps the servers take, all together, unless
	// the machine is so busy that it takes longer than coherenceTime.
	coherenceSteps   = 100_000
	coherenceTime    = 20 * time.Second
	coherenceServers = 3
	// coherenceWorkers is how many steps a server takes at the same time.
	coherenceWorkers = 4
	coherenceKeys    = 300
	// coherenceBound is what others may lag behind. While all is well, far
	// less is usual; the test logs it.
	coherenceBound = 2 * time.Second
)

// stack is one server, without HTTP.
type stack struct {
	*echoic.App
	values cache.Typed[int64]
	redis  *faultproxy.Proxy
}

// The budgets of a request: noBudget where a slow machine should decide nothing.
const (
	noBudget     = 10 * time.Second
	commonBudget = 50 * time.Millisecond
)

// stacks opens n servers on one Redis and one Postgres, in this process.
func stacks(t *testing.T, redis *testenv.RedisServer, n int, budget time.Duration) []stack {
	t.Helper()
	database := testenv.Postgres(t).Database(t)
	list := make([]stack, n)
	for i := range list {
		proxy := faultproxy.ForTest(t, redis.Addr)
		u, err := url.Parse(redis.URL)
		if err != nil {
			t.Fatal("the URL of a test server cannot be parsed")
		}
		u.Host = proxy.Addr()
		cfg := echoic.DefaultConfig()
		cfg.Env, cfg.RedisURL, cfg.DatabaseURL, cfg.CachePrefix = echoic.Production, u.String(), database, "coherence"
		cfg.CacheStoreBudget = budget
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil)).With("server", i)
		app, err := echoic.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := app.Close(); err != nil {
				t.Error(err)
			}
		})
		list[i] = stack{app, cache.Of[int64](app.Cache), proxy}
	}
	return list
}

// register is one key, and what was done to it. Even ones are plain values,
// which are set and deleted; odd ones are values of a tag, which are made from
// the truth when it was purged.
type register struct {
	key   string
	truth atomic.Int64

	mu     sync.Mutex
	writes []chaos.Write
	reads  []chaos.Read
}

// coherence is a run.
type coherence struct {
	servers []stack
	keys    []*register
	seed    uint64
	begun   time.Time
	next    atomic.Int64 // value
	steps   atomic.Int64
	failed  atomic.Int64
}

func newCoherence(t *testing.T, redis *testenv.RedisServer, budget time.Duration) *coherence {
	t.Helper()
	c := &coherence{servers: stacks(t, redis, coherenceServers, budget), seed: chaos.Seed(t), begun: time.Now()}
	for n := range coherenceKeys {
		r := &register{key: fmt.Sprintf("k%d", n)}
		if n%2 == 1 {
			// The truth is there before anything else.
			r.writes = append(r.writes, chaos.Write{Value: 0, Start: -2, End: -1})
		}
		c.keys = append(c.keys, r)
	}
	return c
}

func (c *coherence) now() time.Duration { return time.Since(c.begun) }

// errNotDone is a change that was not acknowledged.
var errNotDone = errors.New("not done")

// write notes a change that do makes.
func (c *coherence) write(r *register, server int, value int64, do func() error) {
	w := chaos.Write{Server: server, Value: value, Start: c.now()}
	err := do()
	if w.End = c.now(); err != nil {
		w.Unknown = true
		if !errors.Is(err, errNotDone) {
			c.failed.Add(1)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = append(r.writes, w)
}

// read notes what get finds.
func (c *coherence) read(r *register, server int, get func() (int64, bool, error)) {
	seen := chaos.Read{Server: server, Start: c.now()}
	value, found, err := get()
	if err != nil {
		c.failed.Add(1)
	}
	if err != nil || !found {
		return
	}
	seen.Value, seen.End = value, c.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads = append(r.reads, seen)
}

// step does one thing on one server.
func (c *coherence) step(ctx context.Context, server int, random *rand.Rand) {
	n := int(float64(len(c.keys)) * random.Float64() * random.Float64())
	r, values, dice := c.keys[n], c.servers[server].values, random.IntN(100)
	switch {
	case n%2 == 0 && dice < 80:
		c.read(r, server, func() (int64, bool, error) { return values.Get(ctx, r.key) })
	case n%2 == 0 && dice < 95:
		value := c.next.Add(1)
		c.write(r, server, value, func() error { return done(values.Set(ctx, r.key, value)) })
	case n%2 == 0:
		c.write(r, server, c.next.Add(1), func() error { return done(values.Delete(ctx, r.key)) })
	case dice < 90:
		c.read(r, server, func() (int64, bool, error) {
			value, err := values.GetOrSet(ctx, r.key, func(context.Context) (int64, error) {
				return r.truth.Load(), nil
			}, cache.WithTags(r.key))
			return value, true, err
		})
	default:
		value := c.next.Add(1)
		c.write(r, server, value, func() error {
			r.truth.Store(value)
			return values.Purge(ctx, r.key)
		})
	}
}

// done makes an error of a change that the cache does not report as done.
func done(did bool, err error) error {
	if err == nil && !did {
		return errNotDone
	}
	return err
}

// run has all servers take steps while more says so.
func (c *coherence) run(ctx context.Context, more func() bool) {
	var work sync.WaitGroup
	for server := range c.servers {
		for worker := range coherenceWorkers {
			random := rand.New(rand.NewPCG(c.seed, uint64(server*coherenceWorkers+worker)))
			work.Go(func() {
				for more() {
					c.steps.Add(1)
					c.step(ctx, server, random)
				}
			})
		}
	}
	work.Wait()
}

// judge fails the test for every read of what was not current.
func (c *coherence) judge(t *testing.T) {
	t.Helper()
	took := c.now()
	reads, writes, violations := 0, 0, 0
	var stalest []time.Duration
	for _, r := range c.keys {
		age, wrong := chaos.CheckIntervals(coherenceServers, r.writes, r.reads, chaos.Bounds{Others: coherenceBound})
		for _, err := range wrong[:min(len(wrong), 3)] {
			t.Errorf("%s: %v", r.key, err)
		}
		stalest = append(stalest, age)
		reads, writes, violations = reads+len(r.reads), writes+len(r.writes), violations+len(wrong)
	}
	t.Logf("seed %d: %d steps on %d servers in %v: %d reads with a value, %d writes, %d failed, stalest read %v, %d violations",
		c.seed, c.steps.Load(), coherenceServers, took.Round(time.Millisecond), reads, writes, c.failed.Load(), slices.Max(stalest), violations)
	if reads < coherenceKeys || writes < coherenceKeys {
		t.Error("hardly anything was read or written: nothing was tested")
	}
}

// Three servers, a hundred thousand steps: whoever reads gets what was current.
func TestCoherenceOfThreeServers(t *testing.T) {
	c := newCoherence(t, testenv.NewRedis(t, testenv.RedisConfig{}), noBudget)
	var left atomic.Int64
	left.Store(coherenceSteps)
	c.run(t.Context(), func() bool { return left.Add(-1) >= 0 && c.now() < coherenceTime })
	c.judge(t)
	if n := c.failed.Load(); n > 0 {
		t.Errorf("%d steps failed although all was well", n)
	}
}

// The same while one server after the other loses Redis, connections are reset,
// and Redis itself dies and comes back.
func TestCoherenceThroughFaults(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	c := newCoherence(t, redis, commonBudget)
	script := []func(){
		func() { c.servers[0].redis.Partition() },
		func() { c.servers[1].redis.Reset() },
		func() { heal(t, c.servers[0].redis) },
		func() { c.servers[2].redis.Set(faultproxy.ToClient, faultproxy.Faults{Blackhole: true}) },
		func() { c.servers[0].redis.Reset() },
		func() { heal(t, c.servers[2].redis) },
		redis.Kill,
		redis.Restart,
		func() {
			c.servers[1].redis.Set(faultproxy.ToClient, faultproxy.Faults{Latency: 300 * time.Millisecond})
		},
		func() { heal(t, c.servers[1].redis) },
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(700 * time.Millisecond)
		defer tick.Stop()
		for _, next := range script {
			<-tick.C
			next()
		}
		<-tick.C
	}()
	c.run(t.Context(), func() bool {
		select {
		case <-over:
			return false
		default:
			return true
		}
	})
	c.judge(t)
}

func heal(t *testing.T, proxy *faultproxy.Proxy) {
	t.Helper()
	if err := proxy.Heal(); err != nil {
		t.Error(err)
	}
}
