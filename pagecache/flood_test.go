package pagecache_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/pagecache"
)

// 10,000 clients on a cold page: one run, all are answered, and the goroutines
// are gone afterwards. Not parallel: it counts those of the whole process.
func TestStampede(t *testing.T) {
	release := make(chan struct{})
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		page("x")(w, r)
	}, nil)
	before := runtime.NumGoroutine()
	const clients = 10_000
	var wg sync.WaitGroup
	var begun atomic.Int64
	for range clients {
		wg.Go(func() {
			w := httptest.NewRecorder()
			begun.Add(1)
			s.h.ServeHTTP(w, httptest.NewRequest("GET", "http://a.test/", nil))
			if w.Code != 200 || w.Body.String() != "x" {
				t.Errorf("%d %q", w.Code, w.Body)
			}
		})
	}
	until(t, "all begun", func() bool { runtime.Gosched(); return begun.Load() == clients })
	close(release)
	wg.Wait()
	s.wantRuns(1)
	until(t, "goroutines back to base", func() bool { runtime.Gosched(); return runtime.NumGoroutine() <= before+2 })
}

// Waiters are bounded in number and in time, and the rest runs the handler.
func TestWaitersAreBounded(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var runs atomic.Int64
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if runs.Add(1) == 1 {
			<-release
		}
		page("x")(w, r)
	}, func(c *pagecache.Config) { c.MaxWaiters, c.WaitTimeout = 2, 50*time.Millisecond })
	var wg sync.WaitGroup
	wg.Go(func() { s.get("http://a.test/") })
	until(t, "begun", func() bool { return runs.Load() == 1 })
	for range 5 {
		wg.Go(func() { s.get("http://a.test/") })
	}
	until(t, "nobody waits for ever", func() bool { return runs.Load() == 6 || runs.Load() > 1 })
	close(release)
	wg.Wait()
}

// Who waits for a handler that hangs gets the stale page in the end, if it may be
// served for an error.
func TestStaleInsteadOfWaiting(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var runs atomic.Int64
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if runs.Add(1) > 1 {
			<-release
		}
		page("x")(w, r)
	}, func(c *pagecache.Config) { c.WaitTimeout, c.StaleIfError = 50*time.Millisecond, time.Hour })
	s.get("http://a.test/")
	s.clock.Store(int64(2 * time.Minute))
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.get("http://a.test/")
	}()
	until(t, "hangs", func() bool { return runs.Load() == 2 })
	if r := s.get("http://a.test/"); r.Header.Get("Age") != "120" || !isHit(t, r) {
		t.Fatalf("%v", r.Header)
	}
	close(release)
	<-done
}

// A client that leaves ends its run, if nobody waits; with others it goes on.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	for _, others := range []int{0, 3} {
		begun, over := make(chan struct{}), make(chan error, 1)
		release := make(chan struct{})
		var once sync.Once
		s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
			once.Do(func() {
				close(begun)
				select {
				case <-r.Context().Done():
				case <-release:
				}
				over <- r.Context().Err()
			})
			page("x")(w, r)
		}, nil)
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			s.h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://a.test/", nil).WithContext(ctx))
		})
		<-begun
		var waiting atomic.Int64
		for range others {
			wg.Go(func() {
				waiting.Add(1)
				if got := body(t, s.get("http://a.test/")); got != "x" {
					t.Errorf("got %q", got)
				}
			})
		}
		until(t, "waiting", func() bool { return waiting.Load() == int64(others) })
		if others == 0 {
			leave()
			if err := <-over; err == nil {
				t.Error("the run went on although nobody was left")
			}
		} else {
			close(release)
			leave()
			<-over
		}
		wg.Wait()
		if others > 0 && !isHit(t, s.get("http://a.test/")) {
			t.Error("the answer was not kept")
		}
	}
}

// SAFETY, rule 11: made-up URLs leave the hot pages in memory.
func TestHotPagesStay(t *testing.T) {
	t.Parallel()
	s := newSite(t, page("x"), nil)
	hits, asked := 0, 0
	for i := range 15_000 {
		s.get(fmt.Sprint("http://a.test/?junk=", i))
		if i%4 == 0 {
			r := s.get(fmt.Sprint("http://a.test/hot/", i/4%100))
			if i > 5_000 {
				asked++
				if isHit(t, r) {
					hits++
				}
			}
		}
	}
	if rate := float64(hits) / float64(asked); rate < 0.95 {
		t.Errorf("%.3f of the requests for hot pages were hits", rate)
	}
}
