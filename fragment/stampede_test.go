package fragment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

// In these tests time is synctest's: it stands still while anything can run, so
// that what a test measures is exactly the simulated work and any time-out.

// work simulates a body that takes a while.
const work = 20 * time.Millisecond

func slow(n *atomic.Int64) template.FuncMap {
	return template.FuncMap{"slow": func() string { n.Add(1); time.Sleep(work); return "s" }}
}

// crowd renders a page for n users at once, each with his number as data, and
// returns how long that took.
func (s *site) crowd(n int, page func(user int) string) time.Duration {
	start := time.Now()
	var wg sync.WaitGroup
	for user := range n {
		wg.Go(func() {
			if err := s.r.Render(s.t.Context(), io.Discard, page(user), user); err != nil {
				s.t.Error(err)
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

// bubble runs a test in a synctest bubble with a site of its own.
func bubble(t *testing.T, src string, f func(t *testing.T, s *site), opts ...option) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f(t, newSite(t, src, opts...))
	})
}

func TestStampedeRendersOnce(t *testing.T) {
	var n atomic.Int64
	bubble(t, `{{define "p"}}{{if cache "a" "1h"}}{{slow}}{{if cache "b" "1h"}}{{slow}}{{end}}{{end}}{{end}}`, func(t *testing.T, s *site) {
		took := s.crowd(100, func(int) string { return "p" })
		equal(t, "bodies run by 100 renders", n.Load(), 2)
		equal(t, "time", took, 2*work)
		equal(t, "coalesced", s.frags.Stats().Coalesced, 99)
	}, withFuncs(slow(&n)))
}

func TestUsersShareAnInnerFragment(t *testing.T) {
	var n atomic.Int64
	bubble(t, `{{define "shared"}}{{if cache "shared" "1h"}}{{slow}}{{end}}{{end}}{{define "user"}}{{if cache "user" "1h" .}}{{template "shared"}}{{end}}{{end}}`, func(t *testing.T, s *site) {
		took := s.crowd(100, func(int) string { return "user" })
		equal(t, "inner bodies run by 100 users", n.Load(), 1)
		equal(t, "time", took, work)
		equal(t, "stored", s.frags.Stats().Stored, 101)
	}, withFuncs(slow(&n)))
}

// One render holds A and wants B, the other holds B and wants A.
func TestOppositeNestingNeverWaitsForTheTimeout(t *testing.T) {
	var n atomic.Int64
	bubble(t, `{{define "A"}}{{slow}}a{{if .}}{{partialCached "B" false "1h"}}{{end}}{{end}}{{define "B"}}{{slow}}b{{if .}}{{partialCached "A" false "1h"}}{{end}}{{end}}
{{define "p0"}}{{partialCached "A" true "1h"}}{{end}}{{define "p1"}}{{partialCached "B" true "1h"}}{{end}}`, func(t *testing.T, s *site) {
		for range 5 {
			must(t, s.cache.Clear(t.Context()))
			if took := s.crowd(10, func(user int) string { return fmt.Sprint("p", user%2) }); took > 4*work {
				t.Fatalf("took %v, of which the bodies need %v", took, 2*work)
			}
		}
	}, withFuncs(slow(&n)))
}

// Three keys in a ring, with the writer's API.
func TestRingOfThree(t *testing.T) {
	bubble(t, "", func(t *testing.T, s *site) {
		names := []string{"A", "B", "C"}
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				outer, inner := names[i%3], names[(i+1)%3]
				err := s.frags.Cached(t.Context(), io.Discard, outer, time.Hour, nil, func(ctx context.Context, w io.Writer) error {
					time.Sleep(work)
					return s.frags.Cached(ctx, w, inner, time.Hour, nil, func(context.Context, io.Writer) error {
						time.Sleep(work)
						return nil
					})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took > 6*work {
			t.Fatalf("took %v", took)
		}
	})
}

func TestFragmentInsideItself(t *testing.T) {
	bubble(t, "", func(t *testing.T, s *site) {
		start := time.Now()
		must(t, s.frags.Cached(t.Context(), io.Discard, "self", time.Hour, nil, func(ctx context.Context, w io.Writer) error {
			return s.frags.Cached(ctx, w, "self", time.Hour, nil, func(context.Context, io.Writer) error { return nil })
		}))
		equal(t, "waited", time.Since(start), 0)
	})
}

func TestPrivateStampedeDoesNotQueue(t *testing.T) {
	var n atomic.Int64
	bubble(t, `{{define "p"}}{{if cache "a" "1h"}}{{slow}}{{nonce}}{{end}}{{end}}`, func(t *testing.T, s *site) {
		round := func() time.Duration {
			start := time.Now()
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					mine := fmt.Sprint("nonce", i)
					var b bytes.Buffer
					if err := s.r.Render(context.WithValue(t.Context(), nonceKey{}, mine), &b, "p", nil); err != nil || b.String() != "s"+mine {
						t.Errorf("user %d got %q, %v", i, b.String(), err)
					}
				})
			}
			wg.Wait()
			return time.Since(start)
		}
		equal(t, "first: the leader, then all others at once", round(), 2*work)
		equal(t, "later: nobody waits", round(), work)
		equal(t, "stored", s.frags.Stats().Stored, 0)
	}, withFuncs(slow(&n)), withContextFuncs(fragment.ContextFuncs{"nonce": nonce}))
}

func TestFailedLeaderHandsOver(t *testing.T) {
	bubble(t, "", func(t *testing.T, s *site) {
		boom := errors.New("boom")
		run := func(failures int64) (runs, failed int64, took time.Duration) {
			must(t, s.cache.Clear(t.Context()))
			var n, bad atomic.Int64
			start := time.Now()
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					err := s.frags.Cached(t.Context(), io.Discard, "h", time.Hour, nil, func(context.Context, io.Writer) error {
						time.Sleep(work)
						if n.Add(1) <= failures {
							return boom
						}
						return nil
					})
					if errors.Is(err, boom) {
						bad.Add(1)
					} else if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			return n.Load(), bad.Load(), time.Since(start)
		}
		runs, failed, took := run(1)
		equal(t, "runs", runs, 2)
		equal(t, "callers that saw the error", failed, 1)
		equal(t, "time", took, 2*work)
		_, failed, took = run(1000)
		equal(t, "all of them saw the error", failed, 50)
		if took > 4*work {
			t.Errorf("50 callers of a body that always fails took %v: they queued", took)
		}
	})
}

func TestPanicHandsOver(t *testing.T) {
	bubble(t, "", func(t *testing.T, s *site) {
		var n atomic.Int64
		var wg sync.WaitGroup
		start := time.Now()
		for range 10 {
			wg.Go(func() {
				defer func() { _ = recover() }()
				err := s.frags.Cached(t.Context(), io.Discard, "a", time.Hour, nil, func(context.Context, io.Writer) error {
					time.Sleep(work)
					if n.Add(1) == 1 {
						panic("argh")
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		equal(t, "runs", n.Load(), 2)
		equal(t, "time", time.Since(start), 2*work)
	})
}

func TestPurgedWhileRenderedHandsOver(t *testing.T) {
	bubble(t, "", func(t *testing.T, s *site) {
		var n atomic.Int64
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				err := s.frags.Cached(t.Context(), io.Discard, "a", time.Hour, nil, func(ctx context.Context, _ io.Writer) error {
					cache.Tag(ctx, "x")
					time.Sleep(work)
					if n.Add(1) == 1 {
						return s.cache.Purge(ctx, "x")
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		equal(t, "runs: those who wait do not get what was purged, and one renders for all", n.Load(), 2)
	})
}

func TestLockTimeout(t *testing.T) {
	bubble(t, "", func(t *testing.T, s *site) {
		var n atomic.Int64
		var wg sync.WaitGroup
		start := time.Now()
		for range 5 {
			wg.Go(func() {
				err := s.frags.Cached(t.Context(), io.Discard, "a", time.Hour, nil, func(context.Context, io.Writer) error {
					n.Add(1)
					time.Sleep(200 * time.Millisecond)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		equal(t, "runs: everybody renders after 30 ms", n.Load(), 5)
		equal(t, "time", time.Since(start), 230*time.Millisecond)
	}, withConfig(func(cfg *fragment.Config) { cfg.LockTimeout = 30 * time.Millisecond }))
}

// The time-out is for the whole render, however many fragments it waits for.
func TestTotalWaitIsBounded(t *testing.T) {
	bubble(t, "", func(t *testing.T, s *site) {
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				must(t, s.frags.Cached(t.Context(), io.Discard, fmt.Sprint("f", i), time.Hour, nil, func(context.Context, io.Writer) error {
					time.Sleep(time.Second)
					return nil
				}))
			})
		}
		synctest.Wait()
		start := time.Now()
		must(t, s.frags.Cached(t.Context(), io.Discard, "page", time.Hour, nil, func(ctx context.Context, w io.Writer) error {
			for i := range 5 {
				if err := s.frags.Cached(ctx, w, fmt.Sprint("f", i), time.Hour, nil, func(context.Context, io.Writer) error { return nil }); err != nil {
					return err
				}
			}
			return nil
		}))
		equal(t, "waited for five fragments", time.Since(start), 30*time.Millisecond)
		wg.Wait()
	}, withConfig(func(cfg *fragment.Config) { cfg.LockTimeout = 30 * time.Millisecond }))
}

func TestMaxWaiters(t *testing.T) {
	var n atomic.Int64
	bubble(t, `{{define "p"}}{{if cache "a" "1h"}}{{slow}}{{end}}{{end}}`, func(t *testing.T, s *site) {
		s.crowd(10, func(int) string { return "p" })
		equal(t, "one leads, three wait, six render", n.Load(), 7)
	}, withFuncs(slow(&n)), withConfig(func(cfg *fragment.Config) { cfg.MaxWaiters = 3 }))
}

func TestNoLocking(t *testing.T) {
	var n atomic.Int64
	bubble(t, `{{define "p"}}{{if cache "a" "1h"}}{{slow}}{{end}}{{end}}`, func(t *testing.T, s *site) {
		s.crowd(10, func(int) string { return "p" })
		equal(t, "runs", n.Load(), 10)
	}, withFuncs(slow(&n)), withConfig(func(cfg *fragment.Config) { cfg.LockTimeout = -1 }))
}

func TestWaiterGivesUpWithItsContext(t *testing.T) {
	bubble(t, "", func(t *testing.T, s *site) {
		var wg sync.WaitGroup
		wg.Go(func() {
			must(t, s.frags.Cached(t.Context(), io.Discard, "a", time.Hour, nil, func(context.Context, io.Writer) error {
				time.Sleep(time.Second)
				return nil
			}))
		})
		synctest.Wait()
		gone := errors.New("client has gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(work, func() { cancel(gone) })
		start := time.Now()
		var b strings.Builder
		err := s.frags.Cached(ctx, &b, "a", time.Hour, nil, func(context.Context, io.Writer) error { t.Error("the body ran"); return nil })
		if !errors.Is(err, gone) || b.Len() > 0 {
			t.Errorf("got %v and %q", err, b.String())
		}
		equal(t, "waited", time.Since(start), work)
		wg.Wait()
	})
}

// A leader whose client goes away after the body has run still stores.
func TestStoredAlthoughTheClientHasGone(t *testing.T) {
	bubble(t, "", func(t *testing.T, s *site) {
		ctx, cancel := context.WithCancel(t.Context())
		must(t, s.frags.Cached(ctx, io.Discard, "a", time.Hour, nil, func(context.Context, io.Writer) error { cancel(); return nil }))
		equal(t, "stored", s.frags.Stats().Stored, 1)
	})
}

// gate holds the first lookup of a fragment until the gate opens.
type gate struct {
	bytesOnly
	armed atomic.Bool
	open  chan struct{}
}

func (g *gate) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	values, err := g.bytesOnly.GetMany(ctx, keys)
	if strings.Contains(strings.Join(keys, " "), ":f:") && g.armed.CompareAndSwap(true, false) {
		<-g.open
	}
	return values, err
}

func (g *gate) Get(ctx context.Context, key string) ([]byte, bool, error) {
	return g.bytesOnly.Store.Get(ctx, key)
}

// Between a miss and the lock somebody else may have stored the fragment.
func TestLeaderLooksAgain(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	bubble(t, "", func(t *testing.T, s *site) {
		s.write(t.Context(), "other", time.Hour, nil, "x")
		g.open = make(chan struct{})
		g.armed.Store(true)
		var wg sync.WaitGroup
		wg.Go(func() { s.write(t.Context(), "a", time.Hour, nil, "x") }) // misses, and stalls
		synctest.Wait()
		s.write(t.Context(), "a", time.Hour, nil, "x") // renders and stores
		close(g.open)
		wg.Wait()
		equal(t, "bodies of a run", s.hits.Load()-1, 1)
	}, withStore(func(store cache.Store) cache.Store {
		g.bytesOnly = asBytes(store).(bytesOnly)
		return g
	}))
}
