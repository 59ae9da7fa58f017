package fragment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testenv.Wrap(m)) }

// site is a renderer over a memory store.
type site struct {
	t     testing.TB
	cache *cache.Cache
	frags *fragment.Fragments
	r     *fragment.Renderer
	funcs template.FuncMap
	bound fragment.ContextFuncs
	hits  atomic.Int64 // calls of the template function hit
}

// option changes how a site is built.
type option func(*site, *fragment.Config, *cache.Config)

func withFuncs(m template.FuncMap) option {
	return func(s *site, _ *fragment.Config, _ *cache.Config) { maps.Copy(s.funcs, m) }
}

func withContextFuncs(m fragment.ContextFuncs) option {
	return func(s *site, _ *fragment.Config, _ *cache.Config) { s.bound = m }
}

func withConfig(change func(*fragment.Config)) option {
	return func(_ *site, cfg *fragment.Config, _ *cache.Config) { change(cfg) }
}

func withStore(wrap func(cache.Store) cache.Store) option {
	return func(_ *site, _ *fragment.Config, cfg *cache.Config) { cfg.Store = wrap(cfg.Store) }
}

// bytesOnly hides that a store is inside the process: entries are encoded, as
// for Redis and Postgres.
type bytesOnly struct {
	cache.Store
	cache.ManyStore
	cache.Expirer
	cache.Counter
	cache.Swapper
}

func asBytes(s cache.Store) cache.Store {
	m := s.(*memory.Store)
	return bytesOnly{m, m, m, m, m}
}

// onRedis keeps the fragments in a real Redis.
func onRedis(t testing.TB, server *testenv.RedisServer) option {
	return func(_ *site, _ *fragment.Config, cfg *cache.Config) {
		store, err := redis.New(t.Context(), redis.Config{URL: server.URL, SocketTimeout: 20 * time.Second})
		must(t, err)
		t.Cleanup(func() { store.Close() })
		cfg.Store, cfg.Prefix = store, server.Prefix
	}
}

// stores runs a test over each kind of store: one that keeps objects inside the
// process, the same one keeping bytes, and Redis.
func stores(t *testing.T, f func(t *testing.T, opts ...option)) {
	t.Run("objects", func(t *testing.T) { t.Parallel(); f(t) })
	t.Run("bytes", func(t *testing.T) { t.Parallel(); f(t, withStore(asBytes)) })
	t.Run("redis", func(t *testing.T) { t.Parallel(); f(t, onRedis(t, testenv.Redis(t))) })
}

func newSite(t testing.TB, src string, opts ...option) *site {
	t.Helper()
	s := &site{t: t, funcs: template.FuncMap{
		"fail":  func() (string, error) { return "", errors.New("boom") },
		"panic": func() string { panic("argh") },
		"list":  func(a ...any) []any { return a },
	}}
	s.funcs["hit"] = func() string { s.hits.Add(1); return "" }
	store, err := memory.New(memory.Config{MaxEntries: 10_000})
	must(t, err)
	cfg := fragment.Config{Salt: "test"}
	cacheCfg := cache.Config{Store: store, Prefix: "test"}
	for _, opt := range opts {
		opt(s, &cfg, &cacheCfg)
	}
	s.cache, err = cache.New(cacheCfg)
	must(t, err)
	t.Cleanup(func() { s.cache.Close(); store.Close() })
	if cfg.Cache == nil {
		cfg.Cache = s.cache
	}
	s.frags, err = fragment.New(cfg)
	must(t, err)
	if src == "" {
		return s
	}
	s.r, err = fragment.NewRenderer(fragment.RendererConfig{Fragments: s.frags, ContextFuncs: s.bound}, s.parse(src))
	must(t, err)
	return s
}

func (s *site) parse(src string) *template.Template {
	s.t.Helper()
	set, err := template.New("root").Funcs(fragment.Funcs(s.bound)).Funcs(s.funcs).Parse(src)
	must(s.t, err)
	return set
}

// page renders and returns the page.
func (s *site) page(ctx context.Context, name string, data any) string {
	s.t.Helper()
	var b bytes.Buffer
	if err := s.r.Render(ctx, &b, name, data); err != nil {
		s.t.Fatalf("render %s: %v", name, err)
	}
	return b.String()
}

func (s *site) get(name string, data any) string {
	s.t.Helper()
	return s.page(s.t.Context(), name, data)
}

// write is Cached into a string.
func (s *site) write(ctx context.Context, name string, ttl time.Duration, vary []any, body string) string {
	s.t.Helper()
	var b strings.Builder
	err := s.frags.Cached(ctx, &b, name, ttl, vary, func(ctx context.Context, w io.Writer) error {
		s.hits.Add(1)
		_, err := fmt.Fprint(w, body)
		return err
	})
	must(s.t, err)
	return b.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// within runs f under an open scope and returns what the scope learned.
func within(ctx context.Context, f func(ctx context.Context)) cache.Deps {
	ctx, scope := cache.Open(ctx)
	f(ctx)
	return scope.Deps()
}

func hasTag(d cache.Deps, name string) bool {
	for _, t := range d.Tags {
		if t.Name == name {
			return true
		}
	}
	return false
}
