package fragment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

// The eleven rules of a sound fragment cache for html/template, one test each.
// The other tests of the package go further into every one of them.

func TestRule1TextContextOnly(t *testing.T) {
	t.Parallel()
	const inner = `{{define "s"}}{{if cache "a" "1m"}}{{.}}{{end}}{{end}}{{define "t"}}{{template "s" .}}{{end}}`
	for _, around := range []string{
		`<a title="%s">`, `<a href=%s>`, `<a %s>`, `<p onclick="f(%s)">`, `<script>f(%s)</script>`, `<style>p{color:%s}</style>`,
		`<title>%s</title>`, `<textarea>%s</textarea>`, `<!-- %s -->`,
	} {
		for _, use := range []string{`{{if cache "a" "1m"}}{{.}}{{end}}`, `{{if cacheIf . "a" "1m"}}{{.}}{{end}}`, `{{template "s" .}}`, `{{template "t" .}}`} {
			err := load(inner + `<p>{{template "s" .}}</p>` + fmt.Sprintf(around, use))
			var at *fragment.LoadError
			if !errors.As(err, &at) || !location.MatchString(err.Error()) || !strings.Contains(err.Error(), "partialCached") {
				t.Errorf("%s in %s: got %v", use, around, err)
			}
		}
	}
	s := newSite(t, `{{define "s"}}<b>"{{.}}"</b>{{end}}{{define "p"}}{{partialCached "s" . "1h"}}|<a title="{{partialCached "s" . "1h"}}">|<script>f({{partialCached "s" . "1h"}})</script>{{end}}`)
	parts := strings.Split(s.get("p", "x"), "|")
	equal(t, "in text", parts[0], `<b>"x"</b>`)
	if strings.Contains(parts[1], "<b>") || strings.Contains(parts[2], "<b>") {
		t.Errorf("a partial is not escaped: %q", parts)
	}
	equal(t, "bodies run", s.frags.Stats().Misses, 1)
}

func TestRule2EndMarkDoesNotMoveTheContext(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		`{{if cache "a" "1m"}}<b {{if .}}title="{{.}}"{{end}}>{{end}}{{.}}`,
		`{{if cache "a" "1m"}}<script>f({{.}})</script>{{end}}<a href="/?q={{.}}">`,
		`{{if cache "a" "1m"}}{{.}}{{end}}<a title={{.}}>`,
	} {
		s := newSite(t, src)
		plain, err := plainSet(src)
		must(t, err)
		var want bytes.Buffer
		must(t, plain.Execute(&want, `<"x' y>`))
		for range 2 {
			equal(t, src, s.get("root", `<"x' y>`), want.String())
		}
	}
}

func TestRule3RefusedAtLoad(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		`{{if cache "a" "1m"}}x{{else}}y{{end}}`,
		`{{range .}}{{if cache "a" "1m"}}{{break}}{{end}}{{end}}`,
		`{{range .}}{{if cache "a" "1m"}}{{continue}}{{end}}{{end}}`,
		`{{$x := 1}}{{if cache "a" "1m"}}{{$x = 2}}{{end}}{{$x}}`,
		`{{with cache "a" "1m"}}x{{end}}`, `{{if and . (cache "a" "1m")}}x{{end}}`, `{{if not (cache "a" "1m")}}x{{end}}`,
		`{{if cache "a" "1m" | not}}x{{end}}`, `{{if $x := cache "a" "1m"}}x{{end}}`, `{{cache "a" "1m"}}`,
		`{{if cache .Name "1m"}}x{{end}}`, `{{if cache "a" "soon"}}x{{end}}`, `{{if cache "a" "-1s"}}x{{end}}`, `{{if cache "a" "500"}}x{{end}}`,
	} {
		if err := load(src); err == nil || !location.MatchString(err.Error()) {
			t.Errorf("%s: got %v", src, err)
		}
		if conditional := strings.Replace(src, `cache `, `cacheIf true `, 1); load(conditional) == nil {
			t.Errorf("%s was accepted", conditional)
		}
	}
	must(t, load(`{{if .X}}a{{else if cache "a" "1m"}}x{{end}}`))
}

func TestRule4DigestOfTemplateAndBody(t *testing.T) {
	t.Parallel()
	digests := func(src string) []string {
		t.Helper()
		set, err := template.New("page").Funcs(fragment.Funcs()).Parse(src)
		must(t, err)
		all, err := fragment.BlockDigests(set)
		must(t, err)
		return all
	}
	const src = `{{define "i"}}i{{end}}{{define "o"}}o{{end}}{{$n := 10}}{{if cache "a" "1m"}}{{$n}}{{template "i"}}{{end}}{{if cache "a" "1m"}}{{$n}}{{template "i"}}{{end}}`
	base := digests(src)
	if base[0] == base[1] {
		t.Error("two blocks of one name collide")
	}
	equal(t, "the same set", slices.Equal(digests(src), base), true)
	for what, change := range map[string][2]string{
		"a variable outside of the body": {"$n := 10", "$n := 11"},
		"a template that is reached":     {`{{define "i"}}i`, `{{define "i"}}j`},
		"the body":                       {`{{$n}}{{template "i"}}{{end}}`, `{{$n}}.{{template "i"}}{{end}}`},
	} {
		if digests(strings.Replace(src, change[0], change[1], 1))[0] == base[0] {
			t.Errorf("the digest misses %s", what)
		}
	}
	equal(t, "an unrelated template", digests(strings.Replace(src, `{{define "o"}}o`, `{{define "o"}}p`, 1))[0], base[0])
}

func TestRule5VaryIsTyped(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	now := time.Unix(1, 2)
	for _, list := range [][]any{{}, {"a", "b"}, {"ab"}, {"a", ""}, {1}, {"1"}, {1.0}, {true}, {"true"}, {nil}, {""}, {[]string{"a", "b"}}, {now}, {now.Add(1)}, {now.Unix() + 1}} {
		b, err := fragment.EncodeVary(list...)
		must(t, err)
		if other, taken := seen[string(b)]; taken {
			t.Errorf("%#v reads as %s", list, other)
		}
		seen[string(b)] = fmt.Sprintf("%#v", list)
	}
	for _, bad := range []any{new(int), map[string]int{}, struct{ A int }{1}, func() {}, []any{&struct{}{}}} {
		if _, err := fragment.EncodeVary(bad); !errors.Is(err, fragment.ErrNoIdentity) {
			t.Errorf("%T: got %v, want ErrNoIdentity", bad, err)
		}
	}
}

func TestRule6LocksNest(t *testing.T) {
	var n atomic.Int64
	bubble(t, `{{define "A"}}{{slow}}{{if .}}{{partialCached "B" false "1h"}}{{end}}{{end}}{{define "B"}}{{slow}}{{if .}}{{partialCached "A" false "1h"}}{{end}}{{end}}
{{define "p0"}}{{partialCached "A" true "1h"}}{{end}}{{define "p1"}}{{partialCached "B" true "1h"}}{{end}}
{{define "u"}}{{if cache "user" "1h" .}}{{if cache "shared" "1h"}}{{slow}}{{end}}{{end}}{{end}}`, func(t *testing.T, s *site) {
		if took := s.crowd(100, func(user int) string { return fmt.Sprint("p", user%2) }); took > 4*work {
			t.Errorf("opposite orders took %v", took)
		}
		n.Store(0)
		equal(t, "100 users of one inner fragment took", s.crowd(100, func(int) string { return "u" }), work)
		equal(t, "and ran its body", n.Load(), 1)
	}, withFuncs(slow(&n)))
}

func TestRule7PrivateMarksAllOpenFragments(t *testing.T) {
	var n atomic.Int64
	token := func(context.Context) string { return "" }
	bubble(t, `{{define "p"}}{{if cache "o" "1h"}}{{if cache "i" "1h"}}{{slow}}{{csrf}}{{.}}{{end}}{{end}}{{end}}`, func(t *testing.T, s *site) {
		s.get("p", 0)
		equal(t, "a known private fragment is not queued for", s.crowd(20, func(int) string { return "p" }), work)
		equal(t, "everybody has his own", s.get("p", 7), "s7")
		equal(t, "stored", s.frags.Stats().Stored, 0)
	}, withFuncs(slow(&n)), withContextFuncs(fragment.ContextFuncs{"csrf": func(ctx context.Context) string {
		cache.Private(ctx, "csrf")
		return token(ctx)
	}}))
}

func TestRule8WritesOutliveTheClientAndErrorsStayInside(t *testing.T) {
	t.Parallel()
	s, store := counted(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	must(t, s.frags.Cached(ctx, io.Discard, "a", time.Hour, nil, func(context.Context, io.Writer) error { cancel(); return nil }))
	equal(t, "stored although the client has gone", s.frags.Stats().Stored, 1)
	store.fails.Store(true)
	equal(t, "without the store", s.write(t.Context(), "b", time.Hour, nil, "text"), "text")
}

func TestRule9DepthIsLimited(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "r"}}{{partialCached "r" . "1h" (list .)}}{{end}}{{define "b"}}{{if cache "b" "1h"}}{{template "b"}}{{end}}{{end}}`)
	for _, page := range []string{"r", "b"} {
		if err := s.r.Render(t.Context(), io.Discard, page, 1); !errors.Is(err, fragment.ErrTooDeep) {
			t.Errorf("%s: got %.100v, want ErrTooDeep", page, err)
		}
	}
}

func TestRule10ErrorsAndPanicsLeaveNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}before{{if cache "a" "1h"}}in{{range .}}x{{end}}{{fail}}{{end}}{{end}}`)
	var b bytes.Buffer
	if err := s.r.Render(t.Context(), &b, "p", nil); err == nil || b.Len() > 0 {
		t.Fatalf("got %v and %q", err, b.String())
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.r.Render(t.Context(), &b, "p", func(func(int) bool) { panic("argh") })
	}()
	equal(t, "written", b.Len(), 0)
	equal(t, "stored", s.frags.Stats().Stored, 0)
	start := time.Now()
	_ = s.r.Render(t.Context(), &b, "p", nil)
	equal(t, "the lock is free", time.Since(start) < time.Second, true)
	equal(t, "the instance of the panic was dropped", s.r.Stats().Instances, 2)
}

func TestRule11InstancesAreBoundedAndReloadIsAtomic(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	var err error
	s.r, err = fragment.NewRenderer(fragment.RendererConfig{Fragments: s.frags, MaxIdle: 2}, s.parse(`{{define "p"}}v1{{.}}{{end}}`))
	must(t, err)
	s.crowd(50, func(int) string { return "p" })
	if idle := s.r.Stats().Idle; idle > 2 {
		t.Errorf("%d instances wait, MaxIdle is 2", idle)
	}
	if err := s.r.Load(s.parse(`{{define "p"}}v2{{cache "a" "1h"}}{{end}}`)); err == nil {
		t.Fatal("a bad set was accepted")
	}
	equal(t, "the last good set goes on", s.get("p", ""), "v1")
	must(t, s.r.Load(s.parse(`{{define "p"}}v2{{end}}`)))
	equal(t, "the new one", s.get("p", ""), "v2")
}
