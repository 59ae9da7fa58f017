package fragment_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/internal/testenv"
)

// twoServers are two processes, as far as package fragment can tell, that share
// a Redis.
func twoServers(t *testing.T, salts ...string) (a, b *site) {
	t.Helper()
	server := testenv.Redis(t)
	for i, s := range []**site{&a, &b} {
		*s = newSite(t, "", onRedis(t, server), withConfig(func(cfg *fragment.Config) { cfg.Salt = salts[i] }))
	}
	return a, b
}

func TestServersShareFragments(t *testing.T) {
	t.Parallel()
	a, b := twoServers(t, "build", "build")
	equal(t, "filled on one", a.write(t.Context(), "f", time.Hour, []any{1}, "from a"), "from a")
	equal(t, "hit on the other", b.write(t.Context(), "f", time.Hour, []any{1}, "from b"), "from a")
	must(t, a.frags.Invalidate(t.Context(), "f", 1))
	equal(t, "invalidated on one, gone on the other", b.write(t.Context(), "f", time.Hour, []any{1}, "from b"), "from b")
	equal(t, "and shared again", a.write(t.Context(), "f", time.Hour, []any{1}, "from a"), "from b")
	must(t, b.cache.Clear(t.Context()))
	equal(t, "cleared", a.write(t.Context(), "f", time.Hour, []any{1}, "again"), "again")
}

// While a new version is rolled out, both builds run.
func TestInvalidateReachesOtherBuilds(t *testing.T) {
	t.Parallel()
	a, b := twoServers(t, "build 1", "build 2")
	equal(t, "first build", a.write(t.Context(), "f", time.Hour, nil, "a"), "a")
	equal(t, "second build", b.write(t.Context(), "f", time.Hour, nil, "b"), "b")
	must(t, b.frags.Invalidate(t.Context(), "f"))
	equal(t, "first build", a.write(t.Context(), "f", time.Hour, nil, "a2"), "a2")
	equal(t, "second build", b.write(t.Context(), "f", time.Hour, nil, "b2"), "b2")
}

func TestRedisThatDiesAndComesBack(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{})
	s := newSite(t, `{{define "p"}}{{if cache "a" "1h" .}}{{tag "t"}}{{hit}}[{{.}}]{{end}}{{partialCached "q" . "1h"}}{{end}}{{define "q"}}q{{end}}`,
		onRedis(t, server), func(_ *site, _ *fragment.Config, cfg *cache.Config) { cfg.Prefix, cfg.IgnoreErrors = "test", true })
	render := func() {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if page := s.get("p", i%2); page != fmt.Sprintf("[%d]q", i%2) {
					t.Errorf("got %q", page)
				}
			})
		}
		wg.Wait()
	}
	render()
	stored := s.frags.Stats().Stored
	server.Kill()
	render()
	equal(t, "stored while it is away", s.frags.Stats().Stored, stored)
	server.Restart()
	before := s.frags.Stats().Hits // what it kept on disk is served again
	deadline := time.Now().Add(20 * time.Second)
	for s.frags.Stats().Hits == before && time.Now().Before(deadline) {
		render()
	}
	if s.frags.Stats().Hits == before {
		t.Fatal("no hits although Redis is back")
	}
}

// A crowd at two servers: every fragment, also the inner one, is rendered once.
func TestCrowdAtTwoServers(t *testing.T) {
	t.Parallel()
	a, b := twoServers(t, "build", "build")
	var outer, inner atomic.Int64
	var wg sync.WaitGroup
	for i := range 100 {
		s := []*site{a, b}[i%2]
		wg.Go(func() {
			err := s.frags.Cached(t.Context(), io.Discard, "outer", time.Hour, nil, func(ctx context.Context, w io.Writer) error {
				outer.Add(1)
				return s.frags.Cached(ctx, w, "inner", time.Hour, nil, func(context.Context, io.Writer) error {
					inner.Add(1)
					time.Sleep(50 * time.Millisecond) // the work
					return nil
				})
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	equal(t, "outer bodies run", outer.Load(), 1)
	equal(t, "inner bodies run", inner.Load(), 1)
}

// One server renders B inside of A, the other A inside of B: neither waits for
// the other until a time-out, which would be seconds.
func TestOppositeNestingAtTwoServers(t *testing.T) {
	t.Parallel()
	a, b := twoServers(t, "build", "build")
	var wg sync.WaitGroup
	for round := range 5 {
		watch := testenv.NewStopwatch()
		held := make(chan struct{}, 2)
		both := sync.OnceFunc(func() { <-held; <-held; close(held) }) // both hold their outer one
		for i, s := range []*site{a, b} {
			names := [2]string{"A", "B"}
			wg.Go(func() {
				err := s.frags.Cached(t.Context(), io.Discard, names[i], time.Hour, []any{round}, func(ctx context.Context, w io.Writer) error {
					held <- struct{}{}
					both()
					return s.frags.Cached(ctx, w, names[1-i], time.Hour, []any{round}, func(_ context.Context, w io.Writer) error {
						_, err := io.WriteString(w, "inner")
						return err
					})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := watch.Took(); took >= 5*time.Second { // a circle is waited out for 5 s in a process, 10 s among servers
			t.Errorf("round %d took %v", round, took)
		}
	}
}
