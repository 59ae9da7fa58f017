package session_test

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/session"
)

// keyed returns a manager that shares locale and other, and the token of a
// session with values.
func keyed(t *testing.T, values map[string]any) (m *session.Manager, p *probe, token string) {
	t.Helper()
	m, p = newManager(t, session.Config{Shareable: []string{"locale", "other"}})
	ctx := m.Context(t.Context(), "")
	m.Put(ctx, "k", "v")
	for key, value := range values {
		m.Put(ctx, key, value)
	}
	token, _, err := m.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return m, p, token
}

// TestShareable: what reads declared keys alone varies by the exact pairs; all
// else is private, in scopes that were opened before the session or after.
func TestShareable(t *testing.T) {
	t.Parallel()
	german := []cache.Pair{{Name: "locale", Value: "de"}}
	both := []cache.Pair{{Name: "locale", Value: "de"}, {Name: "other", Absent: true}}
	ways := map[string]struct {
		read func(m *session.Manager, ctx context.Context)
		want []cache.Pair // nil: private
	}{
		"get":            {func(m *session.Manager, ctx context.Context) { m.Get(ctx, "locale") }, german},
		"string":         {func(m *session.Manager, ctx context.Context) { m.GetString(ctx, "locale") }, german},
		"of other types": {readAll("locale"), german},
		"exists":         {func(m *session.Manager, ctx context.Context) { m.Exists(ctx, "locale") }, german},
		"twice, absent":  {func(m *session.Manager, ctx context.Context) { readAll("locale", "other", "locale")(m, ctx) }, both},
		"in a goroutine": {func(m *session.Manager, ctx context.Context) { inGoroutine(func() { m.GetString(ctx, "locale") }) }, german},
		"detached":       {func(m *session.Manager, ctx context.Context) { m.GetString(context.WithoutCancel(ctx), "locale") }, german},

		"undeclared":        {func(m *session.Manager, ctx context.Context) { m.GetString(ctx, "k") }, nil},
		"undeclared exists": {func(m *session.Manager, ctx context.Context) { m.Exists(ctx, "k") }, nil},
		"both kinds":        {func(m *session.Manager, ctx context.Context) { m.GetString(ctx, "locale"); m.GetInt(ctx, "k") }, nil},
		"embedded":          {func(m *session.Manager, ctx context.Context) { m.SessionManager.GetString(ctx, "locale") }, nil},
		"pop":               {func(m *session.Manager, ctx context.Context) { m.PopString(ctx, "locale") }, nil},
		"put":               {func(m *session.Manager, ctx context.Context) { m.Put(ctx, "locale", "fr") }, nil},
		"keys":              {func(m *session.Manager, ctx context.Context) { m.Keys(ctx) }, nil},
		"token":             {func(m *session.Manager, ctx context.Context) { m.Token(ctx) }, nil},
		"status":            {func(m *session.Manager, ctx context.Context) { m.Status(ctx) }, nil},
		"deadline":          {func(m *session.Manager, ctx context.Context) { m.Deadline(ctx) }, nil},
		"user":              {func(m *session.Manager, ctx context.Context) { m.UserID(ctx) }, nil},
		"iterate": {func(m *session.Manager, ctx context.Context) {
			_ = m.Iterate(ctx, func(ctx context.Context) error { m.GetString(ctx, "locale"); return nil })
		}, nil},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, p, token := keyed(t, map[string]any{"locale": "de"})
			outerCtx, outer := cache.Open(t.Context())
			innerCtx, inner := cache.Open(m.Context(outerCtx, token))
			way.read(m, innerCtx)
			for place, scope := range map[string]*cache.Scope{"before": outer, "after": inner} {
				got := scope.Deps()
				if (got.Private != "") != (way.want == nil) || way.want != nil && !slices.Equal(got.Vary, way.want) {
					t.Errorf("a scope opened %s the session: private %q, varies by %v, want %v", place, got.Private, got.Vary, way.want)
				}
			}
			if scope := inner.Refused(); scope != "" {
				t.Errorf("refused: %s", scope)
			}
			if name != "iterate" && (!m.Accessed(innerCtx) || p.fetches.Load() != 1) {
				t.Errorf("accessed %v, %d fetches", m.Accessed(innerCtx), p.fetches.Load())
			}
		})
	}
}

// readAll reads the keys by every getter.
func readAll(keys ...string) func(m *session.Manager, ctx context.Context) {
	return func(m *session.Manager, ctx context.Context) {
		for _, key := range keys {
			m.Get(ctx, key)
			m.Exists(ctx, key)
			m.GetString(ctx, key)
			m.GetBool(ctx, key)
			m.GetInt(ctx, key)
			m.GetInt32(ctx, key)
			m.GetInt64(ctx, key)
			m.GetFloat(ctx, key)
			m.GetBytes(ctx, key)
			m.GetTime(ctx, key)
		}
	}
}

// TestShareableGetters: declared or not, a getter returns the same.
func TestShareableGetters(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0).UTC()
	for _, value := range []any{"x", true, 7, int32(7), int64(7), 1.5, []byte("b"), at, nil} {
		m, _, token := keyed(t, map[string]any{"locale": value, "plain": value})
		ctx := m.Context(t.Context(), token)
		type all struct {
			exists bool
			s      string
			b      bool
			i      int
			i32    int32
			i64    int64
			f      float64
			bytes  string
			at     time.Time
		}
		read := func(key string) all {
			return all{
				m.Exists(ctx, key), m.GetString(ctx, key), m.GetBool(ctx, key), m.GetInt(ctx, key), m.GetInt32(ctx, key),
				m.GetInt64(ctx, key), m.GetFloat(ctx, key), string(m.GetBytes(ctx, key)), m.GetTime(ctx, key),
			}
		}
		if a, b := read("locale"), read("plain"); a != b || !a.exists {
			t.Errorf("%T: declared %v, undeclared %v", value, a, b)
		}
	}
}

// TestShareableValues: different values are different pairs, whatever their
// types; what has no short stable form is private.
func TestShareableValues(t *testing.T) {
	t.Parallel()
	seen := make(map[cache.Pair]any)
	for _, value := range []any{"", "1", "true", "int 1", true, false, 1, int32(1), int64(1), 1.0, 1.5, math.Inf(1), strings.Repeat("x", 256)} {
		m, _, token := keyed(t, map[string]any{"locale": value})
		pair, err := m.Variant(m.Context(t.Context(), token), "locale")
		if other, twice := seen[pair]; err != nil || twice || pair.Absent {
			t.Errorf("%T %v: %v, %v, as %T %v", value, value, pair, err, other, other)
		}
		seen[pair] = value
	}
	for _, value := range []any{nil, []byte("x"), time.Now(), math.NaN(), "\x00int 1", strings.Repeat("x", 257)} {
		m, _, token := keyed(t, map[string]any{"locale": value})
		ctx, scope := cache.Open(m.Context(t.Context(), token))
		if _, err := m.Variant(ctx, "locale"); err == nil {
			t.Errorf("%T %.10v has a variant", value, value)
		}
		m.Get(ctx, "locale")
		if scope.Deps().Private == "" {
			t.Errorf("%T %.10v is shared", value, value)
		}
	}
}

// TestVariant: who may ask for the value of what.
func TestVariant(t *testing.T) {
	t.Parallel()
	m, p, token := keyed(t, map[string]any{"locale": "de"})
	ctx, scope := cache.Open(m.Context(t.Context(), token))
	variants := ctx.Value(cache.VariantsKey{}).(cache.Variants)
	if pair, err := variants.Variant(ctx, "locale"); err != nil || pair != (cache.Pair{Name: "locale", Value: "de"}) {
		t.Errorf("%v, %v", pair, err)
	}
	if pair, err := variants.Variant(ctx, "other"); err != nil || pair != (cache.Pair{Name: "other", Absent: true}) {
		t.Errorf("%v, %v", pair, err)
	}
	if pair, err := variants.Variant(ctx, "k"); err == nil {
		t.Errorf("an undeclared key: %v", pair)
	}
	if deps := scope.Deps(); deps.Private != "" || len(deps.Vary) != 0 || m.Accessed(ctx) {
		t.Errorf("asking counts as reading: %v", deps)
	}
	if _, err := m.Variant(t.Context(), "locale"); err == nil {
		t.Error("a value without a session")
	}
	p.failing.Store(true)
	if pair, err := m.Variant(m.Context(t.Context(), token), "locale"); err == nil {
		t.Errorf("the store is away: %v", pair)
	}
	quiet, _ := newManager(t, session.Config{})
	if v := quiet.Context(t.Context(), "").Value(cache.VariantsKey{}); v != nil {
		t.Errorf("nothing is declared, but there is %T", v)
	}
	if pair, err := quiet.Variant(quiet.Context(ctx, ""), "locale"); err != nil || pair.Value != "de" {
		t.Errorf("the value of a manager further out: %v, %v", pair, err)
	}
}

// TestShareableOtherScope: a scope that is open, but not the one under whose
// context the key was read, nor around it, is private.
func TestShareableOtherScope(t *testing.T) {
	t.Parallel()
	m, _, token := keyed(t, map[string]any{"locale": "de"})
	pageCtx, page := cache.Open(m.Context(t.Context(), token))
	_, fragment := cache.Open(pageCtx)
	m.GetString(pageCtx, "locale") // as a template function does that has c.Request().Context()
	if deps := fragment.Deps(); deps.Private == "" {
		t.Errorf("a fragment whose body read under the context of the page is shared: %+v", deps)
	}
	if deps := page.Deps(); deps.Private == "" {
		t.Error("the page around a private fragment is shared")
	}

	pageCtx, page = cache.Open(m.Context(t.Context(), token))
	m.GetString(pageCtx, "locale")
	fragmentCtx, fragment := cache.Open(pageCtx)
	innerCtx, inner := cache.Open(fragmentCtx)
	m.GetString(innerCtx, "locale")
	m.GetString(innerCtx, "locale")
	for _, scope := range []*cache.Scope{page, fragment, inner} {
		if deps := scope.Deps(); deps.Private != "" || len(deps.Vary) != 1 {
			t.Errorf("%+v", deps)
		}
	}
	m.GetString(innerCtx, "k")
	for _, scope := range []*cache.Scope{page, fragment, inner} {
		if scope.Deps().Private == "" {
			t.Error("an undeclared key is shared")
		}
	}

	ctx := m.Context(t.Context(), token)
	m.GetString(ctx, "locale") // a middleware around the page cache
	if reads := ctx.Value(cache.SourceKey{}).(cache.Source).Reads(); reads == 0 {
		t.Error("what was read before does not count as reading: pages would not know of it")
	}
	bareCtx, bare := cache.Open(m.Context(t.Context(), token))
	m.GetString(cache.WithScope(bareCtx, nil), "locale")
	if bare.Deps().Private == "" {
		t.Error("a read that no scope was told of is shared")
	}
}

// TestShareableNested: keys of a manager further out are private under one that
// knows nothing of them.
func TestShareableNested(t *testing.T) {
	t.Parallel()
	m, _, token := keyed(t, map[string]any{"locale": "de"})
	for _, shares := range [][]string{nil, {"theme"}} {
		n, _ := newManager(t, session.Config{Shareable: shares})
		ctx, scope := cache.Open(n.Context(m.Context(t.Context(), token), ""))
		if deps := scope.Deps(); deps.Private != "" {
			t.Fatalf("private from the start: %v", deps)
		}
		m.GetString(ctx, "locale")
		deps := scope.Deps()
		if deps.Private == "" && !slices.Contains(deps.Vary, cache.Pair{Name: "locale", Value: "de"}) {
			t.Errorf("inner manager shares %q: %+v", shares, deps)
		}
		n.GetString(ctx, "x")
		if scope.Deps().Private == "" {
			t.Error("the inner session is shared")
		}
	}
}

// TestShareableAtOnce: many goroutines read in scopes of their own; a scope is
// never shared without the pair that it read.
func TestShareableAtOnce(t *testing.T) {
	t.Parallel()
	m, _, token := keyed(t, map[string]any{"locale": "de"})
	ctx := m.Context(t.Context(), token)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 50 {
				own, scope := cache.Open(ctx)
				m.GetString(own, "locale")
				if deps := scope.Deps(); deps.Private == "" && len(deps.Vary) != 1 {
					t.Errorf("%+v", deps)
				}
			}
		})
	}
	wg.Wait()
}

// TestShareableAnswer: an answer that depends on a shared key is private for
// browsers and proxies, and keeps the session alive.
func TestShareableAnswer(t *testing.T) {
	t.Parallel()
	m, _, token := keyed(t, map[string]any{"locale": "de"})
	for name, read := range map[string]func(ctx context.Context){
		"read":  func(ctx context.Context) { m.GetString(ctx, "locale") },
		"asked": func(ctx context.Context) { _, _ = m.Variant(ctx, "locale") },
	} {
		got := ask(m, token, func(_ http.ResponseWriter, r *http.Request) { read(r.Context()) })
		if !strings.Contains(got.Header.Get("Cache-Control"), "private") || got.Header.Get("Vary") != "Cookie" || len(got.Cookies()) != 0 {
			t.Errorf("%s: %v", name, got.Header)
		}
	}
	if got := ask(m, token, func(http.ResponseWriter, *http.Request) {}); got.Header.Get("Vary") != "" {
		t.Errorf("untouched: %v", got.Header)
	}
}

// TestShareableConfig: keys that cannot be shared are refused.
func TestShareableConfig(t *testing.T) {
	t.Parallel()
	for _, keys := range [][]string{{""}, {"__userID"}, {"a", "b", "c", "d", "e", "f", "g", "h", "i"}} {
		if _, err := session.New(session.Config{Store: newProbe(t), Shareable: keys}); err == nil || !strings.Contains(err.Error(), "Shareable") {
			t.Errorf("%q: %v", keys, err)
		}
	}
}
