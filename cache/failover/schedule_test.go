package failover_test

import (
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
		return fmt.Errorf("%s is %d, may be one of %v", key, got, b[key])
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
	var mu sync.Mutex
	reads, writes, failed := 0, 0, 0
	for w := range 4 {
		workers.Go(func() {
			r, w, f := walk(t, c, rand.New(rand.NewPCG(seed, uint64(w))), fmt.Sprintf("w%d", w), stop)
			mu.Lock()
			defer mu.Unlock()
			reads, writes, failed = reads+r, writes+w, failed+f
		})
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
	t.Logf("%d reads that found something, %d writes, %d of them failed; %+v", reads, writes, failed, s.Stats())
	if s.Stats().Opened == 0 || reads == 0 {
		t.Error("nothing was tried")
	}
}

// walk does random things with keys of its own until stop is closed.
func walk(t *testing.T, c *cache.Cache, rnd *rand.Rand, name string, stop chan struct{}) (reads, writes, failed int) {
	known := make(believed)
	typed := cache.Of[int](c)
	for n := 1; ; n++ {
		select {
		case <-stop:
			return reads, writes, failed
		default:
		}
		key := fmt.Sprintf("%s-%d", name, rnd.IntN(8))
		var err error
		switch rnd.IntN(6) {
		case 0:
			writes++
			if _, err = typed.Set(t.Context(), key, n); err == nil {
				known[key] = []int{n}
			} else {
				known[key] = append(known[key], n)
			}
		case 1:
			writes++
			if _, err = c.Delete(t.Context(), key); err == nil {
				known[key] = nil
			}
		default:
			got, found, err := typed.Get(t.Context(), key)
			if err != nil || !found {
				break
			}
			reads++
			if err := known.check(key, got); err != nil {
				t.Errorf("violation: %v", err)
				return reads, writes, failed
			}
		}
		if err != nil {
			failed++
			if !isDegraded(err) {
				t.Errorf("%v", err)
			}
		}
		pause(t, time.Millisecond)
	}
}
