package pagecache_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/pagecache"
)

// late is a store outside the process that from some moment on answers nobody in
// time.
type late struct {
	*shared
	silent atomic.Bool
}

func (s *late) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	return ctx.Err()
}

func (s *late) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if s.silent.Load() {
		return nil, false, s.wait(ctx)
	}
	return s.shared.Get(ctx, key)
}

func (s *late) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	if s.silent.Load() {
		return false, s.wait(ctx)
	}
	return s.shared.Set(ctx, key, value, ttl, when)
}

// A rush on a page that is not there runs the handler once, although the store has
// no time for those who come after the first (RFC 9111, section 4, on collapsed
// requests). Who comes after a purge does not get what was begun before, nor does
// who has an answer of the store that the first one had not: for all of them
// together it runs once more.
func TestRushWithoutAnswersOfTheStore(t *testing.T) {
	t.Parallel()
	const crowd = 200
	degraded := cache.Heard{List: []cache.Invalidation{{Kind: cache.PeerDegraded, Name: "other"}}}
	for name, test := range map[string]struct {
		answered bool // the crowd, and not the first one
		between  func(context.Context, *rush)
		runs     int64 // for the crowd
	}{
		"nothing purged":     {},
		"a peer is degraded": {between: func(ctx context.Context, r *rush) { _ = r.kept.Observe(ctx, degraded) }},
		// It is the knowledge of it that counts.
		"purged":       {between: func(ctx context.Context, r *rush) { _ = r.site.pages.Purge(ctx, "any") }, runs: 1},
		"who asks now": {answered: true, runs: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRush(t)
			var group sync.WaitGroup
			r.store.silent.Store(test.answered)
			group.Go(func() { r.site.get("http://a.test/") })
			<-r.begun
			r.store.silent.Store(!test.answered)
			if test.between != nil {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				test.between(ctx, r)
				cancel()
			}
			for range crowd {
				group.Go(func() {
					if got := body(t, r.site.get("http://a.test/")); got != "x" {
						t.Errorf("got %q", got)
					}
				})
			}
			until(t, "all wait", func() bool { return r.site.pages.Stats().Waiting == crowd })
			r.release <- struct{}{}
			if test.runs > 0 {
				<-r.begun
				until(t, "all but one wait again", func() bool { return r.site.pages.Stats().Waiting == crowd-1 })
			}
			close(r.release)
			group.Wait()
			if late := r.site.runs.Load() - 1; late != test.runs {
				t.Errorf("the handler ran %d more times, want %d", late, test.runs)
			}
		})
	}
}

// rush is a site whose handler waits in every run.
type rush struct {
	site    *site
	kept    *cache.Cache
	store   *late
	begun   chan struct{} // one for each run
	release chan struct{}
}

func newRush(t *testing.T) *rush {
	t.Helper()
	_, far := sharedSite(t)
	r := &rush{store: &late{shared: far}, begun: make(chan struct{}, 1000), release: make(chan struct{})}
	kept, err := cache.New(cache.Config{Store: r.store, IgnoreErrors: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	r.kept = kept
	r.site = newSite(t, func(w http.ResponseWriter, req *http.Request) {
		r.begun <- struct{}{}
		<-r.release
		page("x")(w, req)
	}, func(cfg *pagecache.Config) { cfg.Cache, cfg.StoreBudget = kept, 20*time.Millisecond })
	return r
}

// Who comes when the page has just been made, and gets no answer of the store, has
// it, too, for a second from the begin of the run, and not when something was purged
// meanwhile.
func TestLateForTheRush(t *testing.T) {
	t.Parallel()
	for _, purged := range []bool{false, true} {
		const attempts = 20
		for attempt := range attempts {
			r := newRush(t)
			close(r.release)
			r.store.silent.Store(true)
			begun := time.Now()
			r.site.get("http://a.test/")
			if purged {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				_ = r.site.pages.Purge(ctx, "any")
				cancel()
			}
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					if got := body(t, r.site.get("http://a.test/")); got != "x" {
						t.Errorf("got %q", got)
					}
				})
			}
			group.Wait()
			more := r.site.runs.Load() - 1
			if purged {
				if more == 0 {
					t.Error("a page from before the purge was served")
				}
				break
			}
			if time.Since(begun) < time.Second {
				if more != 0 {
					t.Errorf("the handler ran %d more times within a second", more)
				}
				until(t, "it is made anew", func() bool {
					r.site.get("http://a.test/")
					return r.site.runs.Load() > 1
				})
				if took := time.Since(begun); took < time.Second {
					t.Errorf("it is made anew after %v", took)
				}
				break
			}
			if attempt == attempts-1 {
				t.Errorf("%d requests took more than a second %d times", 20, attempts)
			}
		}
	}
}
