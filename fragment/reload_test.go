package fragment_test

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

func TestLoadReplacesAllOrNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{if cache "a" "1h"}}v1{{end}}{{end}}`)
	equal(t, "first", s.get("p", nil), "v1")
	must(t, s.r.Load(s.parse(`{{define "p"}}{{if cache "a" "1h"}}v2{{end}}{{end}}`)))
	equal(t, "loaded", s.get("p", nil), "v2")
	good := s.parse(`{{define "p"}}v3{{end}}`)
	if err := s.r.Load(good, s.parse(`{{define "q"}}{{cache "a" "1h"}}{{end}}`)); err == nil {
		t.Fatal("a bad set was accepted")
	}
	equal(t, "the last good sets go on", s.get("p", nil), "v2")
	must(t, s.r.Load(good))
	equal(t, "loaded after a failure", s.get("p", nil), "v3")
	if err := s.r.Load(nil); err == nil {
		t.Error("a nil set was accepted")
	}
	must(t, s.r.Load(s.parse(`{{define "p"}}{{if cache "a" "1h"}}v1{{end}}{{end}}`)))
	equal(t, "back", s.get("p", nil), "v1")
	equal(t, "the first version is still stored", s.frags.Stats().Stored, 2)
}

func TestLoadUnderRenders(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{if cache "a" "1h" .}}{{.}}{{end}}{{end}}`)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				if page := s.get("p", i%7); len(page) != 1 {
					t.Errorf("page %q", page)
				}
			}
		})
	}
	for range 20 {
		must(t, s.r.Load(s.parse(`{{define "p"}}{{if cache "a" "1h" .}}{{.}}{{end}}{{end}}`)))
	}
	wg.Wait()
}

func TestAnotherBuildHasItsOwnFragments(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	for _, salt := range []string{"build 1", "build 2", "build 1"} {
		frags, err := fragment.New(fragment.Config{Cache: s.cache, Salt: salt})
		must(t, err)
		s.frags = frags
		equal(t, "page", s.write(t.Context(), "a", cache.Forever, nil, salt), salt)
	}
	equal(t, "bodies run", s.hits.Load(), 2)
}

func TestDefaultSaltIsTheSameForTheSameProgram(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", withConfig(func(cfg *fragment.Config) { cfg.Salt = "" }))
	s.write(t.Context(), "a", cache.Forever, nil, "x")
	other, err := fragment.New(fragment.Config{Cache: s.cache})
	must(t, err)
	s.frags = other
	s.write(t.Context(), "a", cache.Forever, nil, "y")
	equal(t, "bodies run", s.hits.Load(), 1)
}

var files = fstest.MapFS{
	"layouts/base.html":     {Data: []byte(`<html>{{template "sidebar.html" .}}{{block "content" .}}nothing{{end}}</html>`)},
	"partials/sidebar.html": {Data: []byte(`{{if cache "side" "1h"}}{{hit}}side{{end}}|`)},
	"pages/home.html":       {Data: []byte(`{{template "base.html" .}}{{define "content"}}home {{if cache "list" "1h"}}{{.}}{{end}}{{end}}`)},
	"pages/quote.html":      {Data: []byte(`{{template "base.html" .}}{{define "content"}}quote {{if cache "list" "1h"}}{{.}}{{end}}{{end}}`)},
}

func TestPagesDefineTheSameBlock(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	sets, err := fragment.Parse(files, fragment.ParseConfig{Shared: []string{"layouts/*.html", "partials/*.html"}, Pages: []string{"pages/*.html"}, Funcs: s.funcs})
	must(t, err)
	s.r, err = fragment.NewRenderer(fragment.RendererConfig{Fragments: s.frags}, sets...)
	must(t, err)
	for _, data := range []string{"x", "y"} {
		equal(t, "home", s.get("home.html", data), "<html>side|home x</html>")
		equal(t, "quote", s.get("quote.html", data), "<html>side|quote x</html>")
	}
	equal(t, "the shared fragment was rendered", s.hits.Load(), 1)
	equal(t, "stored", s.frags.Stats().Stored, 3)
	st := s.r.Stats()
	equal(t, "sets", st.Sets, 2)
	equal(t, "blocks", st.Blocks, 4)
	equal(t, "idle", st.Idle, 2)
}

func TestParse(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	sets, err := fragment.Parse(files, fragment.ParseConfig{Shared: []string{"partials/*.html", "partials/side*"}, Funcs: s.funcs})
	must(t, err)
	equal(t, "one set", len(sets), 1)
	twice := fstest.MapFS{"a/x.html": {Data: []byte("x")}, "b/x.html": {Data: []byte("x")}, "bad.html": {Data: []byte("{{")}}
	for name, c := range map[string]struct {
		cfg  fragment.ParseConfig
		want string
	}{
		"nothing":                 {fragment.ParseConfig{}, "neither"},
		"no match":                {fragment.ParseConfig{Pages: []string{"z/*"}}, "matches no file"},
		"bad pattern":             {fragment.ParseConfig{Pages: []string{"["}}, "pattern"},
		"same names in shared":    {fragment.ParseConfig{Shared: []string{"*/x.html"}}, "rename one"},
		"same names in pages":     {fragment.ParseConfig{Pages: []string{"*/x.html"}}, "rename one"},
		"page named as a partial": {fragment.ParseConfig{Shared: []string{"a/*"}, Pages: []string{"b/*"}}, "rename one"},
		"syntax":                  {fragment.ParseConfig{Pages: []string{"bad.html"}}, "bad.html"},
	} {
		if _, err := fragment.Parse(twice, c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

func TestRendererWithoutSets(t *testing.T) {
	t.Parallel()
	r, err := fragment.NewRenderer(fragment.RendererConfig{})
	must(t, err)
	if err = r.Render(t.Context(), new(bytes.Buffer), "p", nil); !errors.Is(err, fragment.ErrNoTemplate) {
		t.Fatalf("got %v", err)
	}
}

func TestBadConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	for name, err := range map[string]error{
		"no cache": second(fragment.New(fragment.Config{})),
		"waiters":  second(fragment.New(fragment.Config{Cache: s.cache, MaxWaiters: -1})),
		"idle":     second(fragment.NewRenderer(fragment.RendererConfig{MaxIdle: -1})),
		"no func":  second(fragment.NewRenderer(fragment.RendererConfig{ContextFuncs: fragment.ContextFuncs{"x": 1}})),
		"nil func": second(fragment.NewRenderer(fragment.RendererConfig{ContextFuncs: fragment.ContextFuncs{"x": (func(context.Context) int)(nil)}})),
		"no ctx":   second(fragment.NewRenderer(fragment.RendererConfig{ContextFuncs: fragment.ContextFuncs{"x": func() string { return "" }}})),
		"variadic": second(fragment.NewRenderer(fragment.RendererConfig{ContextFuncs: fragment.ContextFuncs{"x": func(...context.Context) string { return "" }}})),
		"no value": second(fragment.NewRenderer(fragment.RendererConfig{ContextFuncs: fragment.ContextFuncs{"x": func(context.Context) {}}})),
		"two":      second(fragment.NewRenderer(fragment.RendererConfig{ContextFuncs: fragment.ContextFuncs{"x": func(context.Context) (int, int) { return 0, 0 }}})),
		"own name": second(fragment.NewRenderer(fragment.RendererConfig{ContextFuncs: fragment.ContextFuncs{"cache": nonce}})),
		"no name":  s.frags.Cached(t.Context(), new(bytes.Buffer), "", 1, nil, nil),
		"negative": s.frags.Cached(t.Context(), new(bytes.Buffer), "a", -1, nil, nil),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "fragment") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestFragmentsCacheIsPreferred(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, ""), newSite(t, "")
	caches, err := cache.NewCaches(map[string]*cache.Cache{"default": a.cache, fragment.FragmentsCache: b.cache})
	must(t, err)
	s := newSite(t, "", withConfig(func(cfg *fragment.Config) { cfg.Caches = caches }))
	s.frags, err = fragment.New(fragment.Config{Caches: caches, Salt: "x"})
	must(t, err)
	s.write(t.Context(), "a", cache.Forever, nil, "x")
	must(t, a.cache.Clear(t.Context()))
	s.write(t.Context(), "a", cache.Forever, nil, "x")
	equal(t, "kept in the cache named fragments", s.hits.Load(), 1)
}

func TestContextFuncs(t *testing.T) {
	t.Parallel()
	funcs := fragment.ContextFuncs{
		"plain": func(ctx context.Context) string { return ctx.Value(nonceKey{}).(string) },
		"arg":   func(ctx context.Context, s string) string { return s + ctx.Value(nonceKey{}).(string) },
		"html": func(ctx context.Context) template.HTML {
			return template.HTML("<" + ctx.Value(nonceKey{}).(string) + ">")
		},
		"many": func(ctx context.Context, n int, rest ...string) (string, error) {
			return strings.Join(rest, "-")[:n], nil
		},
		"failing":  func(context.Context) (string, error) { return "", errors.New("no luck") },
		"duration": func(_ context.Context, n int64) int64 { return n },
	}
	s := newSite(t, `{{define "p"}}{{plain}} {{arg "x"}} {{html}} {{many 3 "a" "b"}} {{duration 7}}{{end}}{{define "q"}}{{failing}}{{end}}`, withContextFuncs(funcs))
	ctx := context.WithValue(t.Context(), nonceKey{}, "v")
	equal(t, "page", s.page(ctx, "p", nil), "v xv <v> a-b 7")
	if err := s.r.Render(ctx, new(bytes.Buffer), "q", nil); err == nil || !strings.Contains(err.Error(), "no luck") {
		t.Errorf("got %v", err)
	}
}
