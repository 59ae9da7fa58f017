package cachetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

var errLoader = errors.New("the loader failed")

var loadChecks = []cacheCheck{
	{"LoadsAndStores", "GetOrSet returns the value, and where there is none runs the loader and stores what it returns.", func(e *cacheEnv) {
		var runs atomic.Int64
		for range 3 {
			e.loads("k", "x", counting(&runs, "x"))
		}
		hit(e, "k", "x")
		e.ran(&runs, 1)
		put(e, "there", "y")
		e.loads("there", "y", counting(&runs, "x"))
		e.ran(&runs, 1)
	}},
	{"ZeroValue", "GetOrSet: a stored nil or zero value is a hit.", func(e *cacheEnv) {
		var runs atomic.Int64
		for range 2 {
			v, err := cache.Of[*record](e.c).GetOrSet(e.Context(), "nil", func(context.Context) (*record, error) {
				runs.Add(1)
				return nil, nil
			})
			e.ok("GetOrSet", err)
			if v != nil {
				e.broken("GetOrSet = %v, want nil", v)
			}
			e.loads("empty", "", counting(&runs, ""))
		}
		e.ran(&runs, 2)
	}},
	{"TTL", "GetOrSet stores with its TTL, by default with the cache's.", func(e *cacheEnv) {
		var runs atomic.Int64
		begin := time.Now()
		e.loads("default", "x", counting(&runs, "x"))
		e.left("default", cache.DefaultTTL, begin)
		e.loads("k", "x", counting(&runs, "x"), cache.TTL(brief))
		e.over("k")
		e.loads("k", "y", counting(&runs, "y"), cache.TTL(cache.Forever))
		e.leftIs("k", cache.Forever, true)
		e.loads("nothing", "z", counting(&runs, "z"), cache.TTL(0))
		missed(e, "nothing")
		e.ran(&runs, 4)
	}},
	{"Jitter", "TTL jitter shortens lifetimes by up to the given part, each by another amount.", func(e *cacheEnv) {
		lifetimes := make(map[time.Duration]bool)
		for i := range 20 {
			key := "k" + itoa(i)
			begin := time.Now()
			put(e, key, "x", cache.TTL(time.Hour), cache.Jitter(0.5))
			ttl, found, err := e.c.TTL(e.Context(), key)
			e.ok("TTL", err)
			if !found || ttl > time.Hour+grain || ttl < time.Hour/2-time.Since(begin)-grain {
				e.broken("TTL = %v, %v, want between 30m and 1h", ttl, found)
			}
			lifetimes[ttl.Round(time.Second)] = true
		}
		if len(lifetimes) < 10 {
			e.broken("20 values have only %d different lifetimes", len(lifetimes))
		}
	}},
	{"Coalesces", "Concurrent callers in one process run the loader once.", checkCoalesces},
	{"CoalescesLate", "Callers that missed before a loader ended, and come after, find its value instead of running it again.", checkCoalescesLate},
	{"KeysApart", "Loaders of different keys and versions do not wait for each other.", func(e *cacheEnv) {
		release := make(chan struct{})
		done := e.inBackground(func() {
			e.loadsLater("slow", "x", func(context.Context) (string, error) { <-release; return "x", nil })
		})
		e.loads("other", "y", func(context.Context) (string, error) { return "y", nil })
		e.loads("slow", "z", func(context.Context) (string, error) { return "z", nil }, cache.Version(2))
		close(release)
		<-done
	}},
	{"WaiterBounded", "Waiters are bounded by their own context.", func(e *cacheEnv) {
		release, started := make(chan struct{}), make(chan struct{})
		done := e.inBackground(func() {
			e.loadsLater("k", "x", func(context.Context) (string, error) { close(started); <-release; return "x", nil })
		})
		<-started
		ctx, cancel := context.WithTimeout(e.Context(), brief)
		defer cancel()
		begin := time.Now()
		_, err := cache.Of[string](e.c).GetOrSet(ctx, "k", func(context.Context) (string, error) { return "y", nil })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > prompt {
			e.broken("a waiter whose deadline passed got %v after %v", err, time.Since(begin))
		}
		close(release)
		<-done
	}},
	{"LeaderDetached", "The leader is detached from its client's cancellation: the value is stored for those who wait.", checkLeaderDetached},
	{"LeaderDeadline", "The leader has its own deadline.", func(e *cacheEnv) {
		c := e.newCache(cache.Config{LoadTimeout: brief})
		_, err := cache.Of[string](c).GetOrSet(e.Context(), "k", func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			e.broken("a loader that hangs ends with %v", err)
		}
	}},
	{"Error", "A loader's error reaches all waiters, and nothing is stored.", checkLoaderError},
	{"Panic", "A loader that panics is an error for all waiters, and nothing is stored.", func(e *cacheEnv) {
		_, err := cache.Of[string](e.c).GetOrSet(e.Context(), "k", func(context.Context) (string, error) { panic("ouch") })
		var p *cache.PanicError
		if !errors.As(err, &p) || p.Value != "ouch" || p.Key != "k" {
			e.broken("GetOrSet of a loader that panics: %v", err)
		}
		e.loads("k", "x", func(context.Context) (string, error) { return "x", nil })
	}},
	{"Recursion", "A loader that asks for its own key gets an error instead of waiting for itself.", func(e *cacheEnv) {
		var load func(ctx context.Context) (string, error)
		load = func(ctx context.Context) (string, error) {
			return cache.Of[string](e.c).GetOrSet(ctx, "k", load)
		}
		_, err := load(e.Context())
		if err == nil || !strings.Contains(err.Error(), `"k"`) {
			e.broken("GetOrSet inside its own loader: %v", err)
		}
	}},
	{"Nested", "A loader may load other keys.", func(e *cacheEnv) {
		e.loads("outer", "inner value", func(ctx context.Context) (string, error) {
			return cache.Of[string](e.c).GetOrSet(ctx, "inner", func(context.Context) (string, error) { return "inner value", nil })
		})
		hit(e, "inner", "inner value")
		hit(e, "outer", "inner value")
	}},
	{"WrittenMeanwhile", "What is written while a loader runs is newer, and stays.", func(e *cacheEnv) {
		e.loadsLater("set", "old", func(ctx context.Context) (string, error) {
			_, err := cache.Of[string](e.c).Set(ctx, "set", "new")
			return "old", err
		})
		hit(e, "set", "new")
		e.loadsLater("many", "old", func(ctx context.Context) (string, error) {
			_, err := cache.Of[string](e.c).SetMany(ctx, map[string]string{"many": "new"})
			return "old", err
		})
		hit(e, "many", "new")
	}},
	{"DeletedMeanwhile", "What is deleted while a loader runs was deleted because it had changed: the old is not stored.", func(e *cacheEnv) {
		e.loadsLater("one", "old", func(ctx context.Context) (string, error) {
			_, err := e.c.Delete(ctx, "one")
			return "old", err
		})
		missed(e, "one")
		e.loadsLater("many", "old", func(ctx context.Context) (string, error) {
			_, err := e.c.DeleteMany(ctx, []string{"many"})
			return "old", err
		})
		missed(e, "many")
		e.loadsLater("all", "old", func(ctx context.Context) (string, error) {
			return "old", e.c.Clear(ctx)
		})
		missed(e, "all")
	}},
	{"Close", "Close ends loaders and waits for them.", func(e *cacheEnv) {
		var ended atomic.Bool
		started := make(chan struct{})
		done := e.inBackground(func() {
			_, err := cache.Of[string](e.c).GetOrSet(e.Context(), "k", func(ctx context.Context) (string, error) {
				close(started)
				<-ctx.Done()
				ended.Store(true)
				return "", ctx.Err()
			})
			if err == nil {
				e.broken("a loader that Close ended returned a value")
			}
		})
		<-started
		e.ok("Close", e.c.Close())
		if !ended.Load() {
			e.broken("Close returned while a loader was running")
		}
		<-done
	}},
}

func checkCoalesces(e *cacheEnv) {
	const callers = 64
	var runs atomic.Int64
	var entered sync.WaitGroup
	entered.Add(callers)
	values := make([]map[string]int, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			entered.Done()
			v, err := cache.Of[map[string]int](e.c).GetOrSet(e.Context(), "k", func(context.Context) (map[string]int, error) {
				entered.Wait() // all have started
				runs.Add(1)
				return map[string]int{"a": 1}, nil
			})
			if err != nil || v["a"] != 1 {
				e.broken("GetOrSet = %v, %v", v, err)
				return
			}
			values[i] = v
		})
	}
	wg.Wait()
	e.ran(&runs, 1)
	for _, v := range values { // each has a copy of its own
		if v != nil {
			v["a"]++
		}
	}
	for _, v := range values {
		if v["a"] != 2 {
			e.brokenNow("callers share one value: changing one changed another to %v", v)
		}
	}
	hit(e, "k", map[string]int{"a": 1})
}

// checkCoalescesLate lets 32 callers miss, holds back what they read until
// another has stored the value, and lets every further look take a while, so that
// they wait for one another.
func checkCoalescesLate(e *cacheEnv) {
	if !e.caps.full() {
		return
	}
	const callers = 32
	store := &spyStore{Store: e.store}
	c := e.newCache(cache.Config{Store: store})
	_, _, err := cache.Of[string](c).Get(e.Context(), "k") // learns the generation
	e.ok("Get", err)
	stored := make(chan struct{})
	var missed sync.WaitGroup
	missed.Add(callers)
	var reads atomic.Int64
	store.hold = func() {
		switch n := reads.Add(1); {
		case n <= callers:
			missed.Done()
			<-stored
		case n > callers+1: // a look of the one in between is not slow
			time.Sleep(5 * time.Millisecond)
		}
	}
	var runs atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			v, err := cache.Of[string](c).GetOrSet(e.Context(), "k", counting(&runs, "again"))
			if err != nil || v != "x" {
				e.broken("GetOrSet = %q, %v", v, err)
			}
		})
	}
	missed.Wait()
	v, err := cache.Of[string](c).GetOrSet(e.Context(), "k", counting(&runs, "x"))
	close(stored)
	wg.Wait()
	if err != nil || v != "x" {
		e.broken("GetOrSet = %q, %v", v, err)
	}
	e.ran(&runs, 1)
}

func checkLeaderDetached(e *cacheEnv) {
	started, release := make(chan struct{}), make(chan struct{})
	leader, leave := context.WithCancel(e.Context())
	defer leave()
	var loaderErr error
	left := e.inBackground(func() {
		_, err := cache.Of[string](e.c).GetOrSet(leader, "k", func(ctx context.Context) (string, error) {
			close(started)
			<-release
			loaderErr = ctx.Err()
			return "x", nil
		})
		if !errors.Is(err, context.Canceled) {
			e.broken("a leader that left got %v", err)
		}
	})
	<-started
	waited := e.inBackground(func() {
		e.loadsLater("k", "x", func(context.Context) (string, error) { return "of another loader", nil })
	})
	leave()
	<-left
	e.eventually("a second caller waits", func() bool { return e.c.Stats().Coalesced > 0 })
	close(release)
	<-waited
	hit(e, "k", "x")
	if loaderErr != nil {
		e.broken("the loader's context ended with its caller's: %v", loaderErr)
	}
}

func checkLoaderError(e *cacheEnv) {
	const callers = 16
	var runs atomic.Int64
	var wg sync.WaitGroup
	var failed atomic.Int64
	for range callers {
		wg.Go(func() {
			_, err := cache.Of[string](e.c).GetOrSet(e.Context(), "k", func(context.Context) (string, error) {
				runs.Add(1)
				e.waitCoalesced(callers - 1)
				return "half a value", errLoader
			})
			if errors.Is(err, errLoader) {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	e.ran(&runs, 1)
	if failed.Load() != callers {
		e.broken("%d of %d callers got the loader's error", failed.Load(), callers)
	}
	missed(e, "k")
}

// waitCoalesced waits until n callers wait for a loader; it runs in loaders, and
// so gives up rather than failing.
func (e *cacheEnv) waitCoalesced(n uint64) {
	for deadline := time.Now().Add(5 * time.Second); e.c.Stats().Coalesced < n && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

// counting is a loader that counts how often it runs.
func counting(runs *atomic.Int64, value string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		runs.Add(1)
		return value, nil
	}
}

func (e *cacheEnv) ran(runs *atomic.Int64, want int64) {
	e.Helper()
	if n := runs.Load(); n != want {
		e.broken("loaders ran %d times, want %d", n, want)
	}
}

// loads calls GetOrSet and checks what it returns.
func (e *cacheEnv) loads(key, want string, load func(context.Context) (string, error), opts ...cache.Option) {
	e.Helper()
	e.loadsIn(e.c, key, want, load, opts...)
}

func (e *cacheEnv) loadsIn(c *cache.Cache, key, want string, load func(context.Context) (string, error), opts ...cache.Option) {
	e.Helper()
	v, err := cache.Of[string](c).GetOrSet(e.Context(), key, load, opts...)
	if err != nil || v != want {
		e.broken("GetOrSet(%q) = %q, %v, want %q", key, v, err, want)
	}
}

// loadsLater is loads for other goroutines, which must not stop the test.
func (e *cacheEnv) loadsLater(key, want string, load func(context.Context) (string, error)) {
	e.Helper()
	v, err := cache.Of[string](e.c).GetOrSet(e.Context(), key, load)
	if err != nil || v != want {
		e.broken("GetOrSet(%q) = %q, %v, want %q", key, v, err, want)
	}
}

func (e *env) inBackground(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	return done
}
