package fragment_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/internal/testenv"
)

const staleFor = 10 * time.Minute

func staleWhileRevalidate(cfg *fragment.Config) { cfg.StaleWhileRevalidate = staleFor }

// While one render makes a fragment anew, nobody else waits.
func TestStaleWhileRevalidate(t *testing.T) {
	var n atomic.Int64
	bubble(t, `{{define "p"}}{{if cache "a" "1m"}}{{slow}}{{end}}{{end}}`, func(t *testing.T, s *site) {
		equal(t, "cold: all wait for one", s.crowd(50, func(int) string { return "p" }), work)
		time.Sleep(time.Minute)
		var took [2]time.Duration
		results := make(chan time.Duration, 50)
		for range 50 {
			go func() {
				start := time.Now()
				s.get("p", nil)
				results <- time.Since(start)
			}()
		}
		for range 50 {
			switch d := <-results; d {
			case 0:
				took[0]++
			case work:
				took[1]++
			default:
				t.Errorf("a render took %v", d)
			}
		}
		equal(t, "renders that got the old one at once", took[0], 49)
		equal(t, "renders that made it anew", took[1], 1)
		equal(t, "bodies run", n.Load(), 2)
		equal(t, "stale", s.frags.Stats().Stale, 49)
		equal(t, "fresh again", s.crowd(50, func(int) string { return "p" }), 0)
		time.Sleep(time.Minute + staleFor)
		equal(t, "too old: all wait", s.crowd(50, func(int) string { return "p" }), work)
		equal(t, "bodies run", n.Load(), 3)
	}, withFuncs(slow(&n)), withConfig(staleWhileRevalidate))
}

// What is shown of old bytes caps the page at once, and what is purged is not
// shown.
func TestStaleIsNotKeptAndNotShownAfterAPurge(t *testing.T) {
	for name, opts := range map[string][]option{"objects": nil, "bytes": {withStore(asBytes)}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, "", func(t *testing.T, s *site) {
				render := func(body func(context.Context)) (string, cache.Deps) {
					var out string
					deps := within(t.Context(), func(ctx context.Context) {
						var b strings.Builder
						must(t, s.frags.Cached(ctx, &b, "a", time.Minute, nil, func(ctx context.Context, w io.Writer) error {
							cache.Tag(ctx, "t")
							body(ctx)
							_, err := fmt.Fprint(w, s.hits.Add(1))
							return err
						}))
						out = b.String()
					})
					return out, deps
				}
				nothing := func(context.Context) {}
				out, deps := render(nothing)
				equal(t, "made", out, "1")
				equal(t, "the page may stay", time.Until(deps.Expires), time.Minute)
				time.Sleep(30 * time.Second)
				_, deps = render(nothing)
				equal(t, "on a hit, for the rest", time.Until(deps.Expires), 30*time.Second)
				time.Sleep(time.Minute)
				out, deps = render(func(context.Context) {
					old, oldDeps := render(nothing)
					equal(t, "meanwhile", old, "1")
					equal(t, "whose page may not stay", oldDeps.Expires.After(time.Now()), false)
					equal(t, "tag", hasTag(oldDeps, "t"), true)
				})
				equal(t, "made anew", out, "2")
				equal(t, "the page may stay", time.Until(deps.Expires), time.Minute)
				equal(t, "stored", s.frags.Stats().Stored, 2)

				time.Sleep(2 * time.Minute)
				must(t, s.cache.Purge(t.Context(), "t"))
				out, _ = render(nothing)
				equal(t, "purged", out, "3")
				time.Sleep(2 * time.Minute)
				out, _ = render(func(ctx context.Context) { must(t, s.cache.Purge(ctx, "t")) })
				equal(t, "purged while it is made anew", out, "4")
				out, _ = render(nothing)
				equal(t, "was not stored", out, "5")
			}, append(opts, withConfig(staleWhileRevalidate))...)
		})
	}
}

// A fragment that encloses a stale one is made of the new.
func TestStaleInsideAFragmentIsMadeAnew(t *testing.T) {
	var n atomic.Int64
	bubble(t, `{{define "p"}}{{if cache "outer" "1h" .}}{{if cache "inner" "1m"}}{{slow}}{{end}}{{end}}{{end}}`, func(t *testing.T, s *site) {
		s.get("p", 0)
		time.Sleep(2 * time.Minute)
		equal(t, "all wait for the new inner one", s.crowd(20, func(int) string { return "p" }), work)
		equal(t, "inner bodies run", n.Load(), 2)
		equal(t, "shown stale: the outer one that was there", s.frags.Stats().Stale, 0)
	}, withFuncs(slow(&n)), withConfig(staleWhileRevalidate))
}

func TestStaleWithoutLocksIsMadeAnew(t *testing.T) {
	bubble(t, `{{define "p"}}{{if cache "a" "1m"}}{{hit}}{{end}}{{end}}`, func(t *testing.T, s *site) {
		s.get("p", nil)
		time.Sleep(2 * time.Minute)
		s.get("p", nil)
		equal(t, "bodies run", s.hits.Load(), 2)
	}, withConfig(staleWhileRevalidate), withConfig(func(cfg *fragment.Config) { cfg.LockTimeout = -1 }))
}

// A render that fails leaves the old one where it is, for the others.
func TestStaleSurvivesAFailedRender(t *testing.T) {
	bubble(t, "", func(t *testing.T, s *site) {
		equal(t, "made", s.write(t.Context(), "a", time.Minute, nil, "old"), "old")
		time.Sleep(2 * time.Minute)
		err := s.frags.Cached(t.Context(), io.Discard, "a", time.Minute, nil, func(ctx context.Context, _ io.Writer) error {
			equal(t, "meanwhile", s.write(t.Context(), "a", time.Minute, nil, "new"), "old")
			return errDown
		})
		if !errors.Is(err, errDown) {
			t.Fatalf("got %v", err)
		}
		equal(t, "the next makes it", s.write(t.Context(), "a", time.Minute, nil, "new"), "new")
	}, withConfig(staleWhileRevalidate))
}

// Among servers that share a Redis one makes it anew.
func TestStaleAmongServers(t *testing.T) {
	t.Parallel()
	var shift atomic.Int64
	a, b := twoServers(t, "build", "build")
	for _, s := range []*site{a, b} {
		var err error
		s.frags, err = fragment.New(fragment.Config{
			Cache: s.cache, Salt: "build", StaleWhileRevalidate: staleFor,
			Now: func() time.Time { return time.Now().Add(time.Duration(shift.Load())) },
		})
		must(t, err)
	}
	equal(t, "made", a.write(t.Context(), "a", time.Minute, nil, "old"), "old")
	shift.Store(int64(2 * time.Minute))
	testenv.Eventually(t, 5*time.Second, func() bool { // the lease of the first fill ends in the background
		var out strings.Builder
		must(t, a.frags.Cached(t.Context(), &out, "a", time.Minute, nil, func(_ context.Context, w io.Writer) error {
			equal(t, "meanwhile, on the other server", b.write(t.Context(), "a", time.Minute, nil, "from b"), "old")
			_, err := io.WriteString(w, "new")
			return err
		}))
		return out.String() == "new"
	}, "it was not made anew")
	equal(t, "then, on the other server", b.write(t.Context(), "a", time.Minute, nil, "from b"), "new")
	equal(t, "stale there", b.frags.Stats().Stale, 1)
}
