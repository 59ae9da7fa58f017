package pagecache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

// crowd is a handler that notes how many of it ran at once.
type crowd struct {
	now, most atomic.Int64
	release   chan struct{}
	status    int
}

func (c *crowd) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	n := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
	<-c.release
	w.WriteHeader(c.status)
}

var errAway = errors.New("away")

// away is a store outside the process that does not answer.
type away struct{ *shared }

func (away) Get(context.Context, string) ([]byte, bool, error) { return nil, false, errAway }
func (away) Set(context.Context, string, []byte, time.Duration, cache.When) (bool, error) {
	return false, errAway
}

// While the store is away, only so many handlers of a route run at once, whatever
// their URLs.
func TestHandlersAreCappedWithoutTheStore(t *testing.T) {
	t.Parallel()
	c := &crowd{release: make(chan struct{}), status: 200}
	_, far := sharedSite(t)
	s := newSite(t, c.ServeHTTP, func(cfg *pagecache.Config) {
		kept, err := cache.New(cache.Config{Store: &away{far}, IgnoreErrors: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = kept.Close() })
		cfg.Cache, cfg.MaxHandlers, cfg.StoreBudget = kept, 3, time.Minute
	})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if r := s.get(fmt.Sprint("http://a.test/", i)); r.StatusCode != 200 {
				t.Errorf("%d", r.StatusCode)
			}
		})
	}
	until(t, "three run", func() bool { return c.now.Load() == 3 })
	close(c.release)
	wg.Wait()
	if most := c.most.Load(); most != 3 {
		t.Fatalf("%d handlers ran at once, want 3", most)
	}
	s.wantRuns(40)
}

// Those who waited for a handler that failed do not all run it at once; who finds
// no place in time gets 503.
func TestHandlersAreCappedAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, cappedAfterAFailure)
}

func cappedAfterAFailure(t *testing.T) {
	const all, places = 30, 2
	c := &crowd{release: make(chan struct{}), status: 500}
	first := make(chan struct{})
	var once sync.Once
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		leads := false
		once.Do(func() { leads = true })
		if leads {
			<-first
			w.WriteHeader(500)
			return
		}
		c.ServeHTTP(w, r)
	}, func(cfg *pagecache.Config) { cfg.MaxHandlers, cfg.WaitTimeout = places, time.Minute })
	codes := make(chan *http.Response, all)
	for range all {
		go func() { codes <- s.get("http://a.test/") }()
	}
	synctest.Wait()
	if n := s.pages.Stats().Waiting; n != all-1 {
		t.Fatalf("%d wait for the first one, want %d", n, all-1)
	}
	close(first)
	time.Sleep(3 * time.Minute) // of the bubble, until nobody waits for a place any more
	synctest.Wait()
	busy := 0
	for range len(codes) {
		if r := <-codes; r.StatusCode == 503 && r.Header.Get("Retry-After") == "1" && r.Header.Get("Cache-Control") == "no-store" {
			busy++
		}
	}
	close(c.release)
	for range places {
		<-codes
	}
	if most := c.most.Load(); most != places || busy != all-1-places {
		t.Fatalf("%d handlers ran at once, %d requests were turned away, want %d and %d", most, busy, places, all-1-places)
	}
}
