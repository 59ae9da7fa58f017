package failover_test

import (
	"context"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/failover"
	"github.com/echoic-go/echoic/internal/faultproxy"
	"github.com/echoic-go/echoic/internal/testenv"
)

// bed is a server that can be spoiled, and a proxy before it.
type bed struct {
	t     *testing.T
	redis *testenv.RedisServer
	proxy *faultproxy.Proxy
}

// do sends one command to the server, beside the proxy.
func (b *bed) do(command string, args ...any) {
	b.t.Helper()
	conn, err := redigo.DialURLContext(b.t.Context(), b.redis.URL)
	must(b.t, err)
	defer conn.Close()
	_, err = conn.Do(command, args...)
	must(b.t, err)
}

// url leads through the proxy.
func (b *bed) url() string {
	u, err := url.Parse(b.redis.URL)
	must(b.t, err)
	u.Host = b.proxy.Addr()
	return u.String()
}

var faults = []struct {
	name   string
	config []string
	begin  func(b *bed)
	end    func(b *bed) // returns when the server is up
}{
	{"killed", nil, func(b *bed) { b.redis.Kill() }, func(b *bed) { b.redis.Restart() }},
	{"stopped", nil, func(b *bed) { b.redis.Stop() }, func(b *bed) { b.redis.Cont() }},
	{"slow", nil, func(b *bed) { b.proxy.Set(faultproxy.ToClient, faultproxy.Faults{Latency: 500 * time.Millisecond}) }, func(b *bed) { must(b.t, b.proxy.Heal()) }},
	{"partition", nil, func(b *bed) { b.proxy.Partition() }, func(b *bed) { must(b.t, b.proxy.Heal()) }},
	{"loading", []string{"key-load-delay 100"}, func(b *bed) {
		b.do("DEBUG", "POPULATE", 15_000) // 1.5s to load
		b.do("BGREWRITEAOF")
		b.redis.Kill()
		b.redis.Restart()
	}, func(*bed) {}},
	{"read only", nil, func(b *bed) { b.do("REPLICAOF", "127.0.0.1", "1") }, func(b *bed) { b.do("REPLICAOF", "NO", "ONE") }},
	{"out of memory", []string{"maxmemory-policy noeviction"},
		func(b *bed) { b.do("CONFIG", "SET", "maxmemory", "1mb") }, func(b *bed) { b.do("CONFIG", "SET", "maxmemory", "0") }},
}

// TestFaults does not run beside other tests: it counts goroutines and time.
func TestFaults(t *testing.T) {
	spare := testenv.Postgres(t).Database(t)
	openDatabase(t, spare)
	base := runtime.NumGoroutine()
	atOnce := make(chan struct{}, 3)
	t.Run("all", func(t *testing.T) {
		for _, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				atOnce <- struct{}{}
				defer func() { <-atOnce }()
				server := testenv.NewRedis(t, testenv.RedisConfig{Config: append(f.config, "enable-debug-command local")})
				b := &bed{t: t, redis: server, proxy: faultproxy.ForTest(t, server.Addr)}
				endure(t, b, spare, func() { f.begin(b) }, func() { f.end(b) })
			})
		}
	})
	testenv.Eventually(t, patience, func() bool { return runtime.NumGoroutine() <= base+2 }, "the goroutines are as many as before")
}

// The load, and how long a fault lasts.
const (
	rate = 400 // calls a second
	away = 1200 * time.Millisecond
)

// endure has a store under load meet a fault.
func endure(t *testing.T, b *bed, spare string, begin, end func()) {
	t.Helper()
	var seen changes
	s := open(t, failover.Config{Primary: openRedis(t, b.url()), Fallback: openDatabase(t, spare), Prefix: server(b), OnChange: seen.add})
	testenv.Eventually(t, patience, func() bool { return set(t.Context(), s, "k", "v") == nil }, "a write succeeds")
	becomes(t, s, failover.Closed)
	changesBefore := len(seen.all())

	stalls := startMeter()
	load := startLoad(t, s)
	pause(t, 300*time.Millisecond)
	begin()
	began := time.Now()
	testenv.Eventually(t, patience, func() bool { return s.State() == failover.Open }, "the breaker opens")
	opened := time.Since(began)
	pause(t, away)
	end()
	returned := time.Now()
	testenv.Eventually(t, patience, func() bool { return s.State() == failover.Closed }, "the breaker closes")
	closed := time.Since(returned)
	load.stop()
	rare := stalls.stop()

	slices.Sort(load.took)
	worst := load.took[len(load.took)-1]
	t.Logf("stalls %v; opened after %v, closed after %v; %d calls, %d degraded, p99 %v, longest %v; changes %v", rare, opened, closed,
		len(load.took), load.degraded, load.took[len(load.took)*99/100], worst, seen.all()[changesBefore:])
	if opened > 300*time.Millisecond+rare {
		t.Errorf("open %v after the fault", opened)
	}
	if closed > 2*time.Second+rare {
		t.Errorf("closed %v after the return", closed)
	}
	if worst > 50*time.Millisecond+rare {
		t.Errorf("a call took %v", worst)
	}
	if load.err != nil {
		t.Errorf("a call failed: %v", load.err)
	}
	testenv.Eventually(t, patience, func() bool { return set(t.Context(), s, "k", "after") == nil }, "a write succeeds")
}

// meter measures for how long a busy machine does not let this process run: that
// is not the store's doing.
type meter struct {
	done  chan struct{}
	worst chan time.Duration
}

func startMeter() *meter {
	m := &meter{done: make(chan struct{}), worst: make(chan time.Duration)}
	go func() {
		const step = 2 * time.Millisecond
		tick := time.NewTimer(step)
		var worst time.Duration
		for last := time.Now(); ; {
			select {
			case <-tick.C:
				worst = max(worst, time.Since(last)-step)
				last = time.Now()
				tick.Reset(step)
			case <-m.done:
				m.worst <- worst
				return
			}
		}
	}()
	return m
}

// stop returns what a call may have taken longer: some stalls, and the steps
// that a call needs to be over.
func (m *meter) stop() time.Duration {
	close(m.done)
	return 10*time.Millisecond + 3*<-m.worst
}

func server(b *bed) string { return b.redis.Prefix }

// load is calls at a fixed rate, each a request of its own with its budget.
type load struct {
	stopped chan struct{}
	running sync.WaitGroup

	mu       sync.Mutex
	took     []time.Duration
	degraded int
	err      error // of a call, other than degraded
}

func startLoad(t *testing.T, s *failover.Store) *load {
	l := &load{stopped: make(chan struct{})}
	l.running.Go(func() {
		tick := time.NewTicker(time.Second / rate)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-l.stopped:
				return
			case <-tick.C:
				l.running.Go(func() { l.one(t.Context(), s, i) })
			}
		}
	})
	return l
}

func (l *load) one(ctx context.Context, s *failover.Store, i int) {
	ctx = cache.WithBudget(ctx, 50*time.Millisecond)
	key := fmt.Sprintf("k%d", i%50)
	began := time.Now()
	var err error
	if i%4 == 0 {
		err = set(ctx, s, key, "v")
	} else {
		_, _, err = s.Get(ctx, key)
	}
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, took)
	if isDegraded(err) {
		l.degraded++
	} else if err != nil && l.err == nil {
		l.err = err
	}
}

func (l *load) stop() {
	close(l.stopped)
	l.running.Wait()
}

// pause lets time pass in which other processes do what they do.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

// With both away every call ends within its budget, and says so.
func TestBothAway(t *testing.T) {
	t.Parallel()
	redis := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	postgres := testenv.NewPostgres(t, testenv.PostgresConfig{})
	s := open(t, failover.Config{Primary: openRedis(t, redis.URL), Fallback: openDatabase(t, postgres.Database(t))})
	must(t, set(t.Context(), s, "k", "v"))
	redis.Stop()
	defer redis.Cont()
	testenv.Eventually(t, patience, func() bool { _, _, _ = s.Get(t.Context(), "k"); return s.State() == failover.Open }, "the breaker opens")
	get(t, s, "k")
	postgres.Stop()
	var longest time.Duration
	stalls := startMeter()
	for range 50 {
		ctx := cache.WithBudget(t.Context(), 50*time.Millisecond)
		began := time.Now()
		for range 3 {
			if _, _, err := s.Get(ctx, "k"); !isDegraded(err) {
				t.Fatalf("Get: %v", err)
			}
		}
		longest = max(longest, time.Since(began))
	}
	if rare := stalls.stop(); longest > 50*time.Millisecond+rare {
		t.Errorf("a request spent %v, with stalls of %v", longest, rare)
	}
	postgres.Cont()
	testenv.Eventually(t, patience, func() bool { _, _, err := s.Get(t.Context(), "k"); return err == nil }, "the fallback is used again")
}
