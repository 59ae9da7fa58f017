package fragment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/null"
	"github.com/echoic-go/echoic/fragment"
)

var errDown = errors.New("down")

// switchable is a store that can be switched off.
type switchable struct {
	bytesOnly
	off, readOnly atomic.Bool
}

func (s *switchable) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if s.off.Load() {
		return nil, false, errDown
	}
	return s.bytesOnly.Store.Get(ctx, key)
}

func (s *switchable) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	if s.off.Load() {
		return nil, errDown
	}
	return s.bytesOnly.GetMany(ctx, keys)
}

func (s *switchable) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	if s.off.Load() || s.readOnly.Load() {
		return false, errDown
	}
	return s.bytesOnly.Store.Set(ctx, key, value, ttl, when)
}

func TestStoreFailuresNeverFailAPage(t *testing.T) {
	t.Parallel()
	for name, hidden := range map[string]bool{"errors hidden by the cache": true, "errors returned": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			down := &switchable{}
			var log bytes.Buffer
			s := newSite(t, `{{define "q"}}{{hit}}q{{end}}{{define "p"}}{{if cache "a" "1h"}}{{hit}}x{{end}}{{partialCached "q" . "1h"}}{{end}}`,
				func(_ *site, cfg *fragment.Config, cacheCfg *cache.Config) {
					down.bytesOnly = asBytes(cacheCfg.Store).(bytesOnly)
					cacheCfg.Store, cacheCfg.IgnoreErrors = down, hidden
					cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
				})
			render := func() (runs int64) {
				before := s.hits.Load()
				equal(t, "page", s.get("p", nil), "xq")
				equal(t, "written", s.write(t.Context(), "w", time.Hour, nil, "w"), "w")
				return s.hits.Load() - before
			}
			down.off.Store(true)
			equal(t, "down", render()+render(), 6)
			down.off.Store(false)
			down.readOnly.Store(true)
			equal(t, "read-only", render()+render(), 6)
			down.readOnly.Store(false)
			equal(t, "up", render(), 3)
			equal(t, "hits", render(), 0)
			down.off.Store(true)
			equal(t, "down again", render(), 3)
			if !hidden && (s.frags.Stats().Errors == 0 || strings.Count(log.String(), "level=WARN") == 0 || strings.Count(log.String(), "\n") > 5) {
				t.Errorf("%d errors counted, log:\n%s", s.frags.Stats().Errors, log.String())
			}
		})
	}
}

func TestClosedCacheRenders(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{if cache "a" "1h"}}x{{end}}{{end}}`)
	must(t, s.cache.Close())
	equal(t, "page", s.get("p", nil), "x")
}

func TestNullStoreRendersEveryTime(t *testing.T) {
	t.Parallel()
	c, err := cache.New(cache.Config{Store: null.New()})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	s := newSite(t, `{{define "p"}}{{if cache "a" "1h"}}{{tag "t"}}{{hit}}x{{end}}{{end}}`, withConfig(func(cfg *fragment.Config) { cfg.Cache = c }))
	for range 3 {
		deps := within(t.Context(), func(ctx context.Context) { equal(t, "page", s.page(ctx, "p", nil), "x") })
		if !hasTag(deps, "t") {
			t.Error("the tag did not reach the page")
		}
	}
	equal(t, "bodies run", s.hits.Load(), 3)
}

func TestNilFragmentsCacheNothing(t *testing.T) {
	t.Parallel()
	var f *fragment.Fragments
	for range 2 {
		var b strings.Builder
		must(t, f.Cached(t.Context(), &b, "a", time.Hour, nil, func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, "x")
			return err
		}))
		equal(t, "written", b.String(), "x")
	}
	must(t, f.Invalidate(t.Context(), "a"))
	equal(t, "stats", f.Stats(), fragment.Stats{})
}

func TestCachedWritesAllOrNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	for _, ttl := range []time.Duration{time.Hour, 0} {
		var b strings.Builder
		err := s.frags.Cached(t.Context(), &b, "a", ttl, nil, func(_ context.Context, w io.Writer) error {
			fmt.Fprint(w, "half")
			return errDown
		})
		if err != errDown || b.Len() > 0 { //nolint:errorlint // as it is
			t.Errorf("ttl %v: got %v and %q", ttl, err, b.String())
		}
	}
	equal(t, "empty fragment", s.write(t.Context(), "e", time.Hour, nil, ""), "")
	equal(t, "empty fragment", s.write(t.Context(), "e", time.Hour, nil, "x"), "")
	equal(t, "ttl 0", s.write(t.Context(), "z", 0, nil, "1")+s.write(t.Context(), "z", 0, nil, "2"), "12")
}

func TestWhatABodyWritesLaterGoesNowhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	var kept io.Writer
	must(t, s.frags.Cached(t.Context(), io.Discard, "a", time.Hour, nil, func(_ context.Context, w io.Writer) error {
		kept = w
		_, err := io.WriteString(w, "body")
		return err
	}))
	kept.(interface{ Bytes() []byte }).Bytes()[0] = 'X'
	fmt.Fprint(kept, "later")
	equal(t, "hit", s.write(t.Context(), "a", time.Hour, nil, ""), "body")
	equal(t, "another", s.write(t.Context(), "b", time.Hour, nil, "b"), "b")
}

func TestTemplateInsideCachedInsideTemplate(t *testing.T) {
	t.Parallel()
	var s *site
	s = newSite(t, `{{define "in"}}{{if cache "in" "1h"}}{{tag "t"}}{{hit}}i{{end}}{{end}}{{define "p"}}{{if cache "out" "1h"}}o{{embed}}{{end}}{{end}}`,
		withContextFuncs(fragment.ContextFuncs{"embed": func(ctx context.Context) (string, error) {
			var b strings.Builder
			err := s.frags.Cached(ctx, &b, "writer", time.Hour, nil, func(ctx context.Context, w io.Writer) error { return s.r.Render(ctx, w, "in", nil) })
			return b.String(), err
		}}))
	for range 2 {
		deps := within(t.Context(), func(ctx context.Context) { equal(t, "page", s.page(ctx, "p", nil), "oi") })
		if !hasTag(deps, "t") {
			t.Error("the tag did not reach the page")
		}
	}
	equal(t, "stored", s.frags.Stats().Stored, 3)
}

func TestRace(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, `{{define "in"}}{{if cache "in" "2ms" .}}{{tag "t"}}<i>{{.}}</i>{{end}}{{end}}{{define "p"}}{{if cache "p" "5ms" .A}}{{range .L}}{{template "in" .}}{{end}}{{end}}{{partialCached "in" .A "2ms" .A}}{{end}}`, opts...)
		var wg sync.WaitGroup
		for g := range 16 {
			wg.Go(func() {
				for i := range 100 {
					a := (g + i) % 5
					want := fmt.Sprintf("<i>%d</i><i>%d</i><i>%d</i>", a, a+1, a)
					ctx, _ := cache.Open(t.Context())
					if got := s.page(ctx, "p", map[string]any{"A": a, "L": []int{a, a + 1}}); got != want {
						t.Errorf("got %s, want %s", got, want)
					}
					if i%20 == 0 {
						must(t, s.cache.Purge(ctx, "t"))
					}
				}
			})
		}
		wg.Wait()
	})
}

// A digest tells bodies of one name apart; Invalidate reaches all of them.
func TestDigestAmongTheArguments(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	show := func(digest string, want string) {
		t.Helper()
		equal(t, digest, s.write(t.Context(), "a", time.Hour, []any{fragment.Digest(digest), 7}, digest), want)
	}
	show("v1", "v1")
	show("v2", "v2")
	equal(t, "bodies run", s.hits.Load(), 2)
	show("v1", "v1")
	equal(t, "bodies run", s.hits.Load(), 2)
	must(t, s.frags.Invalidate(t.Context(), "a", 7))
	show("v1", "v1")
	show("v2", "v2")
	equal(t, "bodies run", s.hits.Load(), 4)
}
