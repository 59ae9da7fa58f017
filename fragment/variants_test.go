package fragment_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

// visitor stands for a session with declared keys.
type visitor map[string]string

func (v visitor) Variant(_ context.Context, name string) (cache.Pair, error) {
	if name == "secret" {
		return cache.Pair{}, errors.New("secret is not declared")
	}
	value, ok := v[name]
	return cache.Pair{Name: name, Value: value, Absent: !ok}, nil
}

// read is a template function that reads a declared key.
func read(ctx context.Context, name string) string {
	v, _ := ctx.Value(cache.VariantsKey{}).(visitor)
	value, ok := v[name]
	cache.ScopeOf(ctx).Vary(cache.Pair{Name: name, Value: value, Absent: !ok})
	return value
}

func as(ctx context.Context, v visitor) context.Context {
	return context.WithValue(ctx, cache.VariantsKey{}, v)
}

func TestFragmentVariesByWhatItsBodyRead(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, `{{define "p"}}{{if cache "a" "1h"}}{{hit}}[{{read "locale"}}]{{end}}{{end}}`,
			append(opts, withContextFuncs(fragment.ContextFuncs{"read": read}))...)
		for range 3 {
			for _, locale := range []string{"en", "de", ""} {
				v := visitor{"theme": "dark"}
				if locale != "" {
					v["locale"] = locale
				}
				deps := within(as(t.Context(), v), func(ctx context.Context) {
					equal(t, "page for "+locale, s.page(ctx, "p", nil), "["+locale+"]")
				})
				want := cache.Pair{Name: "locale", Value: locale, Absent: locale == ""}
				if len(deps.Vary) != 1 || deps.Vary[0] != want || deps.Private != "" {
					t.Errorf("%q: the page varies by %v and is private: %q", locale, deps.Vary, deps.Private)
				}
			}
		}
		equal(t, "bodies run", s.hits.Load(), 3)
		must(t, s.frags.Invalidate(t.Context(), "a"))
		s.page(as(t.Context(), visitor{"locale": "en"}), "p", nil)
		s.page(as(t.Context(), visitor{"locale": "de"}), "p", nil)
		equal(t, "all variants invalidated", s.hits.Load(), 5)
	})
}

func TestValuesReadOnlySometimes(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{if cache "a" "1h"}}{{hit}}{{if read "beta"}}{{read "locale"}}{{else}}old{{end}}{{end}}{{end}}`,
		withContextFuncs(fragment.ContextFuncs{"read": read}))
	for range 3 {
		for want, v := range map[string]visitor{
			"old": {"locale": "en"}, "en": {"beta": "1", "locale": "en"}, "de": {"beta": "1", "locale": "de"},
		} {
			equal(t, "page", s.page(as(t.Context(), v), "p", nil), want)
		}
		equal(t, "another locale without beta", s.page(as(t.Context(), visitor{"locale": "fr"}), "p", nil), "old")
	}
	if runs := s.hits.Load(); runs > 6 {
		t.Errorf("%d runs for four kinds of visitors", runs)
	}
}

func TestWhereNobodyCanTellTheValueNothingIsStored(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{if cache "a" "1h"}}{{hit}}{{read "locale"}}{{end}}{{end}}{{define "q"}}{{if cache "b" "1h"}}{{hit}}{{read "secret"}}{{end}}{{end}}`,
		withContextFuncs(fragment.ContextFuncs{"read": read}))
	for range 2 {
		s.get("p", nil)
		s.page(as(t.Context(), visitor{"secret": "x"}), "q", nil)
	}
	equal(t, "bodies run", s.hits.Load(), 4)
	equal(t, "stored", s.frags.Stats().Stored, 0)
	en := as(t.Context(), visitor{"locale": "en"})
	equal(t, "known", s.page(en, "p", nil), "en")
	equal(t, "not known", s.get("p", nil), "")
	equal(t, "stored", s.frags.Stats().Stored, 1)
}

func TestValueThatChangesInTheBody(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	v := visitor{"locale": "en"}
	must(t, s.frags.Cached(as(t.Context(), v), io.Discard, "a", time.Hour, nil, func(ctx context.Context, w io.Writer) error {
		read(ctx, "locale")
		v["locale"] = "de"
		return nil
	}))
	equal(t, "stored", s.frags.Stats().Stored, 0)
}

func TestTooManyVariants(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	v := visitor{}
	for range 2 {
		must(t, s.frags.Cached(as(t.Context(), v), io.Discard, "a", time.Hour, nil, func(ctx context.Context, w io.Writer) error {
			s.hits.Add(1)
			for i := range 9 {
				read(ctx, fmt.Sprint("key", i))
			}
			return nil
		}))
	}
	equal(t, "bodies run", s.hits.Load(), 2)
}

// The first render of a fragment teaches what it varies by, while others wait
// for its bytes: they must not get those of another locale.
func TestWaitersGetTheirOwnVariant(t *testing.T) {
	var n atomic.Int64
	bubble(t, `{{define "p"}}{{if cache "a" "1h"}}{{slow}}{{read "locale"}}{{end}}{{end}}`, func(t *testing.T, s *site) {
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				locale := []string{"en", "de", "fr", "it"}[i%4]
				ctx := as(t.Context(), visitor{"locale": locale})
				if page := s.page(ctx, "p", nil); page != "s"+locale {
					t.Errorf("%s got %q", locale, page)
				}
			})
		}
		wg.Wait()
		equal(t, "runs", n.Load(), 4)
		synctest.Wait()
	}, withFuncs(slow(&n)), withContextFuncs(fragment.ContextFuncs{"read": read}))
}
