package failover_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/failover"
	"github.com/echoic-go/echoic/internal/testenv"
)

// believed is what a key may hold, as far as one can know who wrote it: the value
// that was acknowledged last, and those whose writing failed since. Nothing may
// always be there.
type believed map[string][]int

func (b believed) check(key string, got int) error {
	if !slices.Contains(b[key], got) {
		return fmt.Errorf("violation: %s is %d, may be one of %v", key, got, b[key])
	}
	return nil
}

// On one server every read returns what was written last or nothing, whatever
// Redis does meanwhile.
func TestSchedules(t *testing.T) {
	t.Parallel()
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	spare := openDatabase(t, testenv.Postgres(t).Database(t))
	s := open(t, failover.Config{Primary: openRedis(t, redis.URL), Fallback: spare, Prefix: "app"})
	c, err := cache.New(cache.Config{Store: s, Prefix: "app"})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	stop := make(chan struct{})
	var workers sync.WaitGroup
	walkers := make([]*walker, 4)
	for i := range walkers {
		walkers[i] = &walker{c: c, rnd: rand.New(rand.NewPCG(seed, uint64(i))), name: fmt.Sprintf("w%d", i)}
		workers.Go(func() { walkers[i].walk(t, stop) })
	}
	rnd := rand.New(rand.NewPCG(seed, 100))
	for range 6 {
		pause(t, time.Duration(100+rnd.IntN(300))*time.Millisecond)
		redis.Stop()
		pause(t, time.Duration(20+rnd.IntN(400))*time.Millisecond)
		redis.Cont()
	}
	pause(t, 500*time.Millisecond)
	close(stop)
	workers.Wait()
	reads, writes, failed := 0, 0, 0
	for _, w := range walkers {
		reads, writes, failed = reads+w.reads, writes+w.writes, failed+w.failed
	}
	t.Logf("%d reads that found something, %d writes, %d of them failed; %+v", reads, writes, failed, s.Stats())
	if s.Stats().Opened == 0 || reads == 0 {
		t.Error("nothing was tried")
	}
}

// walker does random things with keys and a tag of its own.
type walker struct {
	c      *cache.Cache
	rnd    *rand.Rand
	name   string // of the tag, and what the keys begin with
	known  believed
	truth  map[string]int // what a loader finds
	n      int
	reads  int // that found something
	writes int
	failed int
}

// walk goes on until stop is closed, or something is wrong.
func (w *walker) walk(t *testing.T, stop chan struct{}) {
	w.known, w.truth = make(believed), make(map[string]int)
	for {
		select {
		case <-stop:
			return
		default:
		}
		w.n++
		key := fmt.Sprintf("%s-%d", w.name, w.rnd.IntN(8))
		read, err := w.step(t, key)
		switch {
		case isDegraded(err):
			w.failed++
		case err != nil:
			t.Errorf("%d: %v", w.n, err)
			return
		case read:
			w.reads++
		}
		pause(t, time.Millisecond)
	}
}

// step does one thing, and reports whether it read something.
func (w *walker) step(t *testing.T, key string) (read bool, err error) {
	ctx, typed := t.Context(), cache.Of[int](w.c)
	switch w.rnd.IntN(20) {
	case 0, 1, 2:
		w.writes++
		w.truth[key] = w.n
		if _, err = typed.Set(ctx, key, w.n, cache.WithTags(w.name)); err != nil {
			w.known[key] = append(w.known[key], w.n)
			return false, err
		}
		w.known[key] = []int{w.n}
	case 3, 4, 5:
		w.writes++
		if _, err = w.c.Delete(ctx, key); err == nil {
			delete(w.known, key)
		}
	case 6:
		w.writes++
		if err = w.c.Purge(ctx, w.name); err == nil {
			clear(w.known)
		}
	case 7, 8, 9, 10:
		got, err := typed.GetOrSet(ctx, key, func(context.Context) (int, error) {
			w.known[key] = append(w.known[key], w.truth[key])
			return w.truth[key], nil
		}, cache.WithTags(w.name))
		if err != nil {
			return false, err
		}
		return true, w.known.check(key, got)
	default:
		got, found, err := typed.Get(ctx, key)
		if err != nil || !found {
			return false, err
		}
		return true, w.known.check(key, got)
	}
	return false, err
}
