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
// requests). Who comes after a purge does not get what was begun before.
func TestRushWithoutAnswersOfTheStore(t *testing.T) {
	t.Parallel()
	const crowd = 200
	for name, test := range map[string]struct {
		purge bool
		runs  int64 // of those who came late
	}{"nothing purged": {false, 0}, "purged": {true, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, far := sharedSite(t)
			store, begun, release := &late{shared: far}, make(chan struct{}), make(chan struct{})
			var first sync.Once
			s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				first.Do(func() {
					close(begun)
					<-release
				})
				page("x")(w, r)
			}, func(cfg *pagecache.Config) {
				kept, err := cache.New(cache.Config{Store: store, IgnoreErrors: true})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = kept.Close() })
				cfg.Cache, cfg.StoreBudget = kept, 20*time.Millisecond
			})
			var group sync.WaitGroup
			group.Go(func() { s.get("http://a.test/") })
			<-begun
			store.silent.Store(true)
			if test.purge {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				_ = s.pages.Purge(ctx, "any") // it is the knowledge of it that counts
				cancel()
			}
			for range crowd {
				group.Go(func() {
					if got := body(t, s.get("http://a.test/")); got != "x" {
						t.Errorf("got %q", got)
					}
				})
			}
			until(t, "all wait", func() bool { return s.pages.Stats().Waiting == crowd })
			close(release)
			group.Wait()
			if late := s.runs.Load() - 1; late < test.runs || !test.purge && late > 0 {
				t.Errorf("the handler ran %d more times, want %d", late, test.runs)
			}
		})
	}
}
