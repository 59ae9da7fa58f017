package pagecache_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

func TestCoalescing(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		page("x")(w, r)
	}, nil)
	var wg sync.WaitGroup
	var started sync.WaitGroup
	for range 100 {
		started.Add(1)
		wg.Go(func() {
			started.Done()
			if got := body(t, s.get("http://a.test/")); got != "x" {
				t.Errorf("got %q", got)
			}
		})
	}
	started.Wait()
	close(release)
	wg.Wait()
	s.wantRuns(1)
}

// Concurrent visitors of a private page never get each other's and do not wait
// for each other twice.
func TestCoalescingPrivate(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		cache.Private(r.Context(), "test")
		_, _ = io.WriteString(w, r.Header.Get("X-User"))
	}, nil)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			user := fmt.Sprint(i)
			if got := body(t, s.get("http://a.test/", "X-User", user)); got != user {
				t.Errorf("user %s got the page of %s", user, got)
			}
		})
	}
	wg.Wait()
	s.wantRuns(50)
}

// Waiters whose variant was not known when they began to wait check again.
func TestCoalescingVariants(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "X-V")
		_, _ = io.WriteString(w, r.Header.Get("X-V"))
	}, nil)
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			v := fmt.Sprint(i % 3)
			if got := body(t, s.get("http://a.test/", "X-V", v)); got != v {
				t.Errorf("variant %s got %s", v, got)
			}
		})
	}
	wg.Wait()
}

// Those who need not wait for an answer that nobody may keep go before it breaks
// off: the race detector sees whether they are told properly.
func TestBreaksOffAfterTheWaitersWent(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, strings.Repeat("x", 100))
		panic(http.ErrAbortHandler)
	}, func(cfg *pagecache.Config) { cfg.Strict = true })
	var begun, ended sync.WaitGroup
	var broken atomic.Int64
	for range 50 {
		begun.Add(1)
		ended.Go(func() {
			defer func() {
				if recover() == http.ErrAbortHandler {
					broken.Add(1)
				}
			}()
			begun.Done()
			s.get("http://a.test/")
		})
	}
	begun.Wait()
	close(release)
	ended.Wait()
	if n := broken.Load(); n != 50 {
		t.Errorf("%d of 50 answers broke off", n)
	}
}
