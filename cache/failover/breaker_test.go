package failover_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/failover"
)

// At 50 calls a second the breaker is open within 300ms of the first failure,
// however the primary fails.
func TestOpensInTime(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]int32{"refuses": refuses, "hangs": hangs, "deaf": deaf} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				primary := newScripted(t)
				s := open(t, failover.Config{Primary: primary, Fallback: newScripted(t)})
				for range 50 {
					get(t, s, "k")
					time.Sleep(20 * time.Millisecond)
				}
				primary.mode.Store(mode)
				began := time.Now()
				for s.State() == failover.Closed && time.Since(began) < patience {
					go func() { _, _, _ = s.Get(t.Context(), "k") }()
					time.Sleep(20 * time.Millisecond)
				}
				limit := 300 * time.Millisecond
				if mode == deaf {
					limit += time.Second // which is when the first call turns out to be late
				}
				if took := time.Since(began); took > limit {
					t.Errorf("open after %v", took)
				}
				// From now on nothing of a request touches the primary.
				primary.mode.Store(refuses)
				time.Sleep(2*time.Second + 100*time.Millisecond) // between two probes
				before := primary.calls.Load()
				for range 100 {
					get(t, s, "k")
				}
				if n := primary.calls.Load() - before; n != 0 {
					t.Errorf("%d calls of the primary while open", n)
				}
			})
		})
	}
}

func TestClosesInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var seen changes
		var replayed atomic.Int64
		primary := newScripted(t)
		s := open(t, failover.Config{
			Primary: primary, Fallback: newScripted(t), OnChange: seen.add,
			Recover: func(context.Context) error { replayed.Add(1); return nil },
		})
		primary.mode.Store(hangs)
		get(t, s, "k")
		time.Sleep(10 * time.Second)
		if s.State() != failover.Open || !s.Degraded() {
			t.Fatalf("state %v after 10s away", s.State())
		}
		primary.mode.Store(works)
		time.Sleep(2 * time.Second)
		if s.State() != failover.Closed || s.Degraded() || replayed.Load() != 1 {
			t.Errorf("state %v, replayed %d times, 2s after it is back", s.State(), replayed.Load())
		}
		if want := []failover.State{failover.Open, failover.Replaying, failover.Closed}; !slices.Equal(seen.all(), want) {
			t.Errorf("changes %v, want %v", seen.all(), want)
		}
	})
}

// Only what says that the primary is away opens the breaker.
func TestStaysClosed(t *testing.T) {
	t.Parallel()
	canceled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(40*time.Millisecond, cancel)
		return ctx, cancel
	}
	short := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, 5*time.Millisecond)
	}
	poor := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return cache.WithBudget(ctx, 5*time.Millisecond), func() {}
	}
	plain := func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} }
	for name, row := range map[string]struct {
		mode int32
		with func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		"caller's cancellation":   {hangs, canceled, context.Canceled},
		"caller's short deadline": {hangs, short, context.DeadlineExceeded},
		"little budget left":      {hangs, poor, cache.ErrDegraded},
		"another error":           {denies, plain, errOwn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				primary := newScripted(t)
				primary.mode.Store(row.mode)
				s := open(t, failover.Config{Primary: primary, Budget: 100 * time.Millisecond})
				for range 100 {
					ctx, cancel := row.with(t.Context())
					_, _, err := s.Get(ctx, "k")
					cancel()
					if !errors.Is(err, row.want) {
						t.Fatalf("Get: %v, want %v", err, row.want)
					}
				}
				if s.State() != failover.Closed {
					t.Errorf("state %v", s.State())
				}
			})
		})
	}
}

// A call that is late while others are answered is a misfortune; many are not.
func TestLateAmongAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primary := newScripted(t)
		s := open(t, failover.Config{Primary: primary, Fallback: newScripted(t)})
		slow := func() {
			primary.mode.Store(hangs)
			go func() { _, _, _ = s.Get(t.Context(), "slow") }()
			synctest.Wait()
			primary.mode.Store(works)
		}
		for range 4 {
			slow()
			for range 5 {
				time.Sleep(10 * time.Millisecond)
				get(t, s, "quick")
			}
		}
		if s.State() != failover.Closed {
			t.Fatalf("state %v after single late calls", s.State())
		}
		for range 5 {
			slow()
		}
		time.Sleep(29 * time.Millisecond)
		get(t, s, "quick")
		time.Sleep(2 * time.Millisecond)
		if s.Stats().Opened == 0 {
			t.Error("closed although five of six calls were late")
		}
	})
}

// The whole of a request has its budget, and no call more than its own.
func TestBudget(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]func(primary, fallback *scripted){
		"primary hangs":   func(p, _ *scripted) { p.mode.Store(hangs) },
		"both hang":       func(p, f *scripted) { p.mode.Store(hangs); f.mode.Store(hangs) },
		"both are slow":   func(p, f *scripted) { p.delay.Store(20e6); f.delay.Store(20e6) },
		"primary refuses": func(p, f *scripted) { p.mode.Store(refuses); f.delay.Store(20e6) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				primary, fallback := newScripted(t), newScripted(t)
				s := open(t, failover.Config{Primary: primary, Fallback: fallback})
				slow(primary, fallback)
				for range 20 {
					ctx := cache.WithBudget(t.Context(), 50*time.Millisecond)
					began := time.Now()
					var last error
					for range 20 {
						_, _, last = s.Get(ctx, "k")
						call := time.Now()
						_ = set(t.Context(), s, "other", "x")
						if took := time.Since(call); took > 50*time.Millisecond {
							t.Fatalf("a call without a budget took %v", took)
						}
						began = began.Add(time.Since(call))
					}
					if took := time.Since(began); took > 50*time.Millisecond {
						t.Fatalf("a request spent %v", took)
					}
					if cache.BudgetOf(ctx).Left() == 0 && !isDegraded(last) {
						t.Fatalf("with the budget used up: %v", last)
					}
				}
			})
		})
	}
}

// One second there, one second away: no failures, no growth.
func TestFlapping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primary, fallback := newScripted(t), newScripted(t)
		s := open(t, failover.Config{Primary: primary, Fallback: fallback})
		for i := range 200 { // 20 times 10s at 20 calls a second
			primary.mode.Store(map[bool]int32{true: works, false: hangs}[i%2 == 0])
			for range 20 {
				must(t, set(t.Context(), s, "k", "x"))
				get(t, s, "k")
				time.Sleep(50 * time.Millisecond)
			}
		}
		time.Sleep(5 * time.Second)
		if n := s.Stats().Dirty; n > 1 {
			t.Errorf("%d keys are remembered", n)
		}
		rows := 0
		for key, err := range fallback.powers.Keys(t.Context(), "") {
			must(t, err)
			rows++
			t.Log(key)
		}
		if rows > 3 {
			t.Errorf("%d rows stayed in the fallback", rows)
		}
	})
}

// With a full fallback nobody waits.
func TestFullFallback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primary, fallback := newScripted(t), newScripted(t)
		s := open(t, failover.Config{Primary: primary, Fallback: fallback})
		primary.mode.Store(refuses)
		get(t, s, "k")
		fallback.mode.Store(hangs)
		for range 4 {
			go func() { _, _, _ = s.Get(t.Context(), "k") }()
		}
		synctest.Wait()
		began := time.Now()
		if _, _, err := s.Get(t.Context(), "k"); !isDegraded(err) {
			t.Errorf("the fifth call: %v", err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("the fifth call took %v", took)
		}
		time.Sleep(time.Second)
		fallback.mode.Store(works)
		time.Sleep(time.Second)
		get(t, s, "k")
		if n := s.Stats().Full; n != 1 {
			t.Errorf("Full = %d", n)
		}
	})
}

// What the primary must promise is not promised without it.
func TestNoExclusion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primary := newScripted(t)
		s := open(t, failover.Config{Primary: primary, Fallback: newScripted(t), Prefix: "app"})
		primary.mode.Store(refuses)
		get(t, s, "k")
		ctx := t.Context()
		_, add := s.Set(ctx, "app:l:x", []byte("me"), time.Minute, cache.IfAbsent)
		_, swap := s.Swap(ctx, "app:l:x", []byte("me"), nil, 0)
		_, incr := s.Incr(ctx, "app:1:v:n@g", 1, &cache.Initial{TTL: time.Hour})
		for name, err := range map[string]error{"Add": add, "Swap": swap, "Incr": incr} {
			if !isDegraded(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := s.Incr(failover.BestEffort(ctx), "app:1:v:n@g", 1, &cache.Initial{TTL: time.Hour}); err != nil {
			t.Errorf("Incr with best effort: %v", err)
		}
		if _, err := s.Incr(ctx, "app:t:seq", 1, &cache.Initial{TTL: time.Hour}); err != nil {
			t.Errorf("Incr of a control key: %v", err)
		}
		stored, err := s.Set(ctx, "app:1:v:k@g", []byte("x"), time.Hour, cache.IfAbsent)
		if err != nil || !stored {
			t.Errorf("Add of a value: %v, %v", stored, err)
		}
	})
}

func TestWithoutFallback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primary := newScripted(t)
		s := open(t, failover.Config{Primary: primary})
		must(t, set(t.Context(), s, "k", "x"))
		primary.mode.Store(hangs)
		_, _, _ = s.Get(t.Context(), "k")
		began := time.Now()
		for range 100 {
			if _, _, err := s.Get(t.Context(), "k"); !isDegraded(err) {
				t.Fatalf("Get: %v", err)
			}
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("100 calls while open took %v", took)
		}
		// A Delete that failed is made good.
		if _, err := s.Delete(t.Context(), "k"); !isDegraded(err) {
			t.Fatalf("Delete: %v", err)
		}
		primary.mode.Store(works)
		time.Sleep(2 * time.Second)
		if got := get(t, s, "k"); got != "-" {
			t.Errorf("got %q", got)
		}
	})
}

// Who waits for the verdict of a probe need not wait for it when others have
// opened the breaker meanwhile.
func TestOpensWhileProbed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primary := newScripted(t)
		s := open(t, failover.Config{
			Primary: primary, Fallback: newScripted(t), Failures: 2,
			Probe: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		})
		primary.mode.Store(refuses)
		began := time.Now()
		var took time.Duration
		var err error
		var first sync.WaitGroup
		first.Go(func() {
			_, _, err = s.Get(t.Context(), "k")
			took = time.Since(began)
		})
		time.Sleep(5 * time.Millisecond)
		synctest.Wait()
		if s.State() != failover.Closed {
			t.Fatal("open after one refusal, before the probe has ended")
		}
		get(t, s, "k") // the second refusal
		first.Wait()
		if err != nil || took != 5*time.Millisecond {
			t.Errorf("who waited: %v after %v, want nil after 5ms", err, took)
		}
	})
}
