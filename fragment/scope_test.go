package fragment_test

import (
	"context"
	"errors"
	"html/template"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

func TestTagsReachThePageOnFillAndOnHit(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, `{{define "in"}}{{if cache "in" "1h" .ID}}{{tag "inner"}}{{hit}}i{{end}}{{end}}
{{define "p"}}{{tag "page"}}{{if cache "out" "1h" .ID}}{{tag (printf "quote:%d" .ID) .Tags}}{{.Tags | tag}}{{hit}}o{{template "in" .}}{{end}}{{partialCached "in" . "1h" "part"}}{{end}}`, opts...)
		for _, when := range []string{"fill", "hit"} {
			deps := within(t.Context(), func(ctx context.Context) {
				equal(t, when, s.page(ctx, "p", map[string]any{"ID": 7, "Tags": []string{"x", "y"}}), "oii")
			})
			for _, want := range []string{"page", "quote:7", "x", "y", "inner"} {
				if !hasTag(deps, want) {
					t.Errorf("%s: the page does not carry %q: %v", when, want, deps.Tags)
				}
			}
			for _, tag := range deps.Tags {
				if strings.HasPrefix(tag.Name, "fragment-key:") {
					t.Errorf("%s: the page carries %q, which is the fragment's own", when, tag.Name)
				}
			}
			if deps.Private != "" {
				t.Errorf("%s: the page is private: %s", when, deps.Private)
			}
		}
		equal(t, "bodies run", s.hits.Load(), 2)
	})
}

func TestTagsCarryTheirTokensOnHits(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, `{{define "p"}}{{if cache "a" "1h"}}{{tag "x"}}{{end}}{{end}}`, opts...)
		s.get("p", nil)
		deps := within(t.Context(), func(ctx context.Context) { s.page(ctx, "p", nil) })
		for _, tag := range deps.Tags {
			if tag.Name == "x" && tag.Token.IsZero() {
				t.Error("the token of x is not known: a page could inherit a fresh one")
			}
		}
	})
}

func TestPurgeRemovesWhatCarriesTheTagAndNothingElse(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, `{{define "row"}}{{if cache "row" "1h" .}}{{tag (printf "quote:%d" .)}}{{hit}}{{.}}{{end}}{{end}}
{{define "p"}}{{if cache "list" "1h" .}}{{range .}}{{template "row" .}}{{end}}{{end}}{{end}}`, opts...)
		show := func() (runs int64) {
			before := s.hits.Load()
			equal(t, "page", s.get("p", []int{1, 2, 3}), "123")
			equal(t, "other page", s.get("p", []int{3}), "3")
			return s.hits.Load() - before
		}
		equal(t, "cold", show(), 3)
		equal(t, "hot", show(), 0)
		must(t, s.cache.Purge(t.Context(), "quote:2"))
		equal(t, "row 2 alone", show(), 1)
		equal(t, "hot again", show(), 0)
		must(t, s.cache.Purge(t.Context(), "quote:99"))
		equal(t, "nobody carries it", show(), 0)
		must(t, s.cache.Purge(t.Context(), "quote:3", "quote:1"))
		equal(t, "two rows", show(), 2)
	})
}

// db stands for data that changes, with a cached value in front of it.
type db struct {
	values cache.Typed[string]
	text   atomic.Value
	loads  atomic.Int64
}

func (d *db) load(ctx context.Context) (string, error) {
	return d.values.GetOrSet(ctx, "text", func(ctx context.Context) (string, error) {
		d.loads.Add(1)
		cache.Tag(ctx, "author:x")
		return d.text.Load().(string), nil
	}, cache.TTL(cache.Forever))
}

func TestPurgeEmptiesValuesAndFragmentsAlike(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		d := &db{}
		funcs := fragment.ContextFuncs{"text": d.load}
		s := newSite(t, `{{define "p"}}{{if cache "a" "1h"}}[{{text}}]{{end}}{{end}}`, append(opts, withContextFuncs(funcs))...)
		d.values = cache.Of[string](s.cache)
		d.text.Store("old")
		for _, step := range []string{"old", "old", "new", "new"} {
			if step == "new" && d.text.Swap("new") == "old" {
				must(t, s.cache.Purge(t.Context(), "author:x"))
			}
			deps := within(t.Context(), func(ctx context.Context) { equal(t, "page", s.page(ctx, "p", nil), "["+step+"]") })
			if !hasTag(deps, "author:x") {
				t.Errorf("%s: the page does not carry the tag of the value", step)
			}
		}
		equal(t, "loads", d.loads.Load(), 2)
	})
}

// lazy is data that loads when the template asks for it.
type lazy struct{ ctx context.Context }

func (l lazy) Given(ctx context.Context) string { cache.Tag(ctx, "given"); return "g" }
func (l lazy) Held() string                     { cache.Tag(l.ctx, "held"); return "h" }

func TestLazyDataTagsTheFragment(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{if cache "a" "1h"}}{{hit}}{{.Given ctx}}{{if cache "b" "1h"}}{{.Held}}{{end}}{{end}}{{end}}`)
	for _, when := range []string{"fill", "hit"} {
		deps := within(t.Context(), func(ctx context.Context) { equal(t, when, s.page(ctx, "p", lazy{ctx}), "gh") })
		if !hasTag(deps, "given") || !hasTag(deps, "held") {
			t.Errorf("%s: the page carries %v", when, deps.Tags)
		}
	}
	for i, tag := range []string{"given", "held"} {
		must(t, s.cache.Purge(t.Context(), tag))
		within(t.Context(), func(ctx context.Context) { s.page(ctx, "p", lazy{ctx}) })
		equal(t, "runs after the purge of "+tag, s.hits.Load(), int64(i)+2)
	}
}

func TestTimeToLiveCapsThePage(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, `{{define "p"}}{{if cache "a" "forever"}}{{if cache "b" .}}x{{end}}{{end}}{{end}}`, opts...)
		var first time.Time
		for _, when := range []string{"fill", "hit"} {
			start := time.Now()
			deps := within(t.Context(), func(ctx context.Context) { s.page(ctx, "p", "10m") })
			if left := deps.Expires.Sub(start); left > 10*time.Minute+time.Second || left < 9*time.Minute {
				t.Errorf("%s: the page may live %v, the fragment 10m", when, left)
			}
			if when == "hit" && !deps.Expires.Truncate(time.Millisecond).Equal(first.Truncate(time.Millisecond)) {
				t.Errorf("the hit gives the page until %v, the fill until %v", deps.Expires, first)
			}
			first = deps.Expires
		}
		deps := within(t.Context(), func(ctx context.Context) { s.write(ctx, "w", cache.Forever, nil, "x") })
		if !deps.Expires.IsZero() {
			t.Errorf("forever ends at %v", deps.Expires)
		}
	})
}

func TestExpiryInsideABodyCapsTheFragment(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(time.Minute)
	s := newSite(t, `{{define "p"}}{{if cache "a" "1h"}}{{until}}{{end}}{{end}}`, withContextFuncs(fragment.ContextFuncs{
		"until": func(ctx context.Context) string { cache.Expire(ctx, soon); return "" },
	}))
	for _, when := range []string{"fill", "hit"} {
		deps := within(t.Context(), func(ctx context.Context) { s.page(ctx, "p", nil) })
		if !deps.Expires.Equal(soon) {
			t.Errorf("%s: the page may live until %v, want %v", when, deps.Expires, soon)
		}
	}
}

type nonceKey struct{}

func nonce(ctx context.Context) string {
	cache.Private(ctx, "nonce")
	return ctx.Value(nonceKey{}).(string)
}

func TestPrivateOutputIsNotStoredNorIsAnythingAroundIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{if cache "a" "1h"}}x{{if cache "b" "1h"}}{{hit}}y{{end}}{{if cache "c" "1h"}}{{nonce}}{{end}}{{end}}{{end}}`,
		withContextFuncs(fragment.ContextFuncs{"nonce": nonce}))
	for _, n := range []string{"n1", "n2"} {
		deps := within(context.WithValue(t.Context(), nonceKey{}, n), func(ctx context.Context) {
			equal(t, "page", s.page(ctx, "p", nil), "xy"+n)
		})
		equal(t, "the page is private", deps.Private, "nonce")
	}
	equal(t, "the public part is stored", s.hits.Load(), 1)
	st := s.frags.Stats()
	equal(t, "stored", st.Stored, 1)
	equal(t, "private", st.Private, 4)
}

// session is a source as session.Manager is one.
type session struct{ reads atomic.Uint64 }

func (s *session) Reads() uint64  { return s.reads.Load() }
func (s *session) Reason() string { return "session" }

func TestSessionReadInABodyMakesItPrivate(t *testing.T) {
	t.Parallel()
	user := func(ctx context.Context) string {
		ctx.Value(cache.SourceKey{}).(*session).reads.Add(1)
		return "ann"
	}
	s := newSite(t, `{{define "p"}}{{if cache "a" "1h"}}{{hit}}{{user}}{{end}}{{if cache "b" "1h"}}public{{end}}{{end}}`,
		withContextFuncs(fragment.ContextFuncs{"user": user}))
	for range 2 {
		ctx := context.WithValue(t.Context(), cache.SourceKey{}, &session{})
		deps := within(ctx, func(ctx context.Context) { s.page(ctx, "p", nil) })
		equal(t, "the page is private", deps.Private, "session")
	}
	equal(t, "bodies run", s.hits.Load(), 2)
	equal(t, "stored", s.frags.Stats().Stored, 1)
}

func TestUnstorableBody(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	for range 2 {
		deps := within(t.Context(), func(ctx context.Context) {
			must(t, s.frags.Cached(ctx, io.Discard, "a", time.Hour, nil, func(ctx context.Context, _ io.Writer) error {
				s.hits.Add(1)
				cache.ScopeOf(ctx).Unstorable("degraded")
				return nil
			}))
		})
		equal(t, "private", deps.Private, "")
	}
	equal(t, "bodies run", s.hits.Load(), 2)
	equal(t, "refused", s.frags.Stats().Refused, 2)
}

func TestPurgeWhileTheBodyRuns(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, "", opts...)
		for i := range 3 {
			must(t, s.frags.Cached(t.Context(), io.Discard, "a", time.Hour, nil, func(ctx context.Context, _ io.Writer) error {
				s.hits.Add(1)
				if i == 0 { // it was read before the purge, and says so only after it
					must(t, s.cache.Purge(ctx, "x"))
				}
				cache.Tag(ctx, "x")
				return nil
			}))
		}
		equal(t, "bodies run: the first was out of date", s.hits.Load(), 2)
	})
}

func TestPurgeBetweenThePageAndTheFragment(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, "", opts...)
		records, err := cache.NewRecords(s.cache, cache.RecordsConfig[string]{
			Kind:   'p',
			Encode: func(v string) ([]byte, error) { return []byte(v), nil },
			Decode: func(b []byte) (string, error) { return string(b), nil },
			Size:   func(v string) int { return len(v) },
		})
		must(t, err)
		missed, _, err := records.Get(t.Context(), cache.NewKey("page"))
		must(t, err)
		page, _ := records.Open(t.Context(), missed)
		// The handler has read its data; then the data changes.
		must(t, s.cache.Purge(t.Context(), "x"))
		must(t, s.frags.Cached(page, io.Discard, "a", time.Hour, nil, func(ctx context.Context, w io.Writer) error {
			cache.Tag(ctx, "x")
			_, err := io.WriteString(w, "old")
			return err
		}))
		equal(t, "the fragment of old data is not kept", s.write(t.Context(), "a", time.Hour, nil, "new"), "new")
	})
}

func TestInvalidate(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		language := func(ctx context.Context) []string { return []string{ctx.Value(nonceKey{}).(string)} }
		s := newSite(t, `{{define "side"}}{{if cache "side" "1h" .U}}{{hit}}{{.U}}{{end}}{{end}}{{define "p"}}{{if cache "all" "1h"}}{{template "side" .}}{{end}}{{template "side" .}}{{partialCached "side" . "1h" .U}}{{end}}`,
			append(opts, withConfig(func(cfg *fragment.Config) { cfg.Vary = language }))...)
		en, de := context.WithValue(t.Context(), nonceKey{}, "en"), context.WithValue(t.Context(), nonceKey{}, "de")
		show := func(ctx context.Context, user string) (runs int64) {
			before := s.hits.Load()
			equal(t, "side", s.page(ctx, "side", map[string]any{"U": user}), user)
			return s.hits.Load() - before
		}
		equal(t, "cold", show(en, "ann")+show(en, "bob")+show(de, "ann"), 3)
		equal(t, "page", s.page(en, "p", map[string]any{"U": "ann"}), "annannann")
		equal(t, "the page is made of hits", show(en, "ann"), 0)
		stored := s.frags.Stats().Stored

		must(t, s.frags.Invalidate(en, "side", "ann"))
		equal(t, "another user", show(en, "bob"), 0)
		equal(t, "both languages", show(en, "ann")+show(de, "ann"), 2)
		equal(t, "page", s.page(en, "p", map[string]any{"U": "bob"}), "bobbobbob")
		equal(t, "what encloses it was made anew", s.frags.Stats().Stored-stored, 2+2)

		must(t, s.frags.Invalidate(en, "nothing of that name", 1))
		equal(t, "all as before", show(en, "ann")+show(en, "bob")+show(de, "ann"), 0)
		if err := s.frags.Invalidate(en, "side", struct{}{}); !errors.Is(err, fragment.ErrNoIdentity) {
			t.Errorf("got %v, want ErrNoIdentity", err)
		}
	})
}

func TestInvalidateWhileTheBodyRuns(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	must(t, s.frags.Cached(t.Context(), io.Discard, "a", time.Hour, []any{7}, func(ctx context.Context, w io.Writer) error {
		return s.frags.Invalidate(ctx, "a", 7)
	}))
	equal(t, "stored", s.frags.Stats().Stored, 0)
}

func TestUsingAnotherCache(t *testing.T) {
	t.Parallel()
	other := newSite(t, "")
	s := newSite(t, `{{define "p"}}{{if cache "a" "1h" (using "hot") "x"}}{{hit}}h{{end}}{{if cache "a" "1h" "x"}}{{hit}}d{{end}}{{end}}`,
		func(_ *site, cfg *fragment.Config, cacheCfg *cache.Config) {
			main, err := cache.New(*cacheCfg)
			must(t, err)
			t.Cleanup(func() { main.Close() })
			cfg.Caches, err = cache.NewCaches(map[string]*cache.Cache{"default": main, "hot": other.cache})
			must(t, err)
			cfg.Cache = main
		})
	for range 2 {
		equal(t, "page", s.get("p", nil), "hd")
	}
	equal(t, "bodies run", s.hits.Load(), 2)
	must(t, other.cache.Clear(t.Context()))
	s.get("p", nil)
	equal(t, "the hot one was in the other cache", s.hits.Load(), 3)
	must(t, s.frags.Invalidate(t.Context(), "a", "x", fragment.Using("hot")))
	s.get("p", nil)
	equal(t, "invalidated in the other cache", s.hits.Load(), 4)
	err := s.frags.Cached(t.Context(), io.Discard, "a", time.Hour, []any{fragment.Using("nope")}, nil)
	if !errors.Is(err, cache.ErrUnknownCache) {
		t.Errorf("got %v, want ErrUnknownCache", err)
	}
}

func TestTagWithoutIdentityIsAnError(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{tag .}}{{end}}`)
	for name, bad := range map[string]any{"int": 7, "nil": nil, "struct": struct{}{}, "slice of ints": []int{1}} {
		if err := s.r.Render(t.Context(), new(strings.Builder), "p", bad); err == nil || !strings.Contains(err.Error(), "string") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, good := range map[string]any{"string": "a", "HTML": template.HTML("a"), "slices": []any{"a", []string{"b"}}, "empty": []string{}} {
		if err := s.r.Render(t.Context(), new(strings.Builder), "p", good); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
