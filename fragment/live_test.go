package fragment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/fragment"
)

type seenByKey struct{}

func seenBy(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, seenByKey{}, name)
}

// withHoles registers name, of kind HTML, and token.
func withHoles(t testing.TB) option {
	t.Helper()
	set, err := live.New(live.Config{})
	must(t, err)
	name := func(ctx context.Context) (string, error) {
		who, _ := ctx.Value(seenByKey{}).(string)
		if who == "fails" {
			return "", errors.New("no name")
		}
		cache.Private(ctx, "nobody's scope")
		return who, nil
	}
	must(t, set.Live("name", live.HTML, name))
	must(t, set.Live("token", live.Token, name))
	must(t, set.LiveHTML("bold", func(ctx context.Context) (template.HTML, error) {
		return template.HTML("<b>" + ctx.Value(seenByKey{}).(string) + "</b>"), nil
	}))
	return withConfig(func(cfg *fragment.Config) { cfg.Live = set })
}

const liveTemplates = `{{define "card"}}[{{live "name"}}|{{hit}}{{.}}]{{end}}` +
	`{{define "plain"}}<p>{{live "name"}}, {{live "bold"}}</p><a title="{{live "token"}}"></a>{{end}}` +
	`{{define "nested"}}<p>{{if cache "a" "1h"}}{{hit}}a{{live "name"}}{{if cache "b" "1h"}}{{hit}}b{{live "name"}}{{end}}{{live "bold"}}{{end}}c</p>{{live "name"}}{{end}}` +
	`{{define "partial"}}<p>{{partialCached "card" . "1h"}}-{{partialCached "card" . "1h"}}</p>{{end}}` +
	`{{define "outer"}}{{if cache "o" "1h"}}{{hit}}({{partialCached "card" . "1h"}}){{end}}{{end}}`

func TestHolesAreFilledForEachVisitor(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, liveTemplates, append(opts, withHoles(t))...)
		for _, c := range []struct{ page, want string }{
			{"plain", `<p>{},  <b>{}</b></p><a title="{}"></a>`},
			{"nested", `<p>a{}b{}<b>{}</b>c</p>{}`},
			{"partial", `<p>[{}|x]-[{}|x]</p>`},
			{"outer", `([{}|x])`},
		} {
			var runs int64
			for i, who := range []string{"ann", "bob-2", "c"} {
				var got string
				deps := within(seenBy(t.Context(), who), func(ctx context.Context) { got = s.page(ctx, c.page, "x") })
				equal(t, c.page, got, strings.ReplaceAll(strings.ReplaceAll(c.want, ",  ", ", "), "{}", who))
				equal(t, c.page+": private", deps.Private, "hole in an unknown place")
				if i == 0 {
					runs = s.hits.Load()
				}
				equal(t, c.page+": bodies run again", s.hits.Load(), runs)
			}
		}
	})
}

// Under a recording the page knows where its holes are, and nothing is private.
func TestThePageKnowsItsHoles(t *testing.T) {
	t.Parallel()
	var set *live.Set
	holes := withHoles(t)
	s := newSite(t, liveTemplates, holes, withConfig(func(cfg *fragment.Config) { set = cfg.Live }))
	for _, page := range []string{"plain", "nested", "partial", "outer"} {
		for _, who := range []string{"ann", "<bob>", "robert"} {
			if page == "plain" && who == "<bob>" {
				continue // no token
			}
			ctx, scope := cache.Open(seenBy(t.Context(), who))
			ctx, rec := set.Record(ctx, false)
			got := s.page(ctx, page, "x")
			equal(t, page+": private", scope.Deps().Private, "")
			text, ok := rec.Text([]byte(got))
			equal(t, page+": holes known", ok && rec.Live(), true)
			if strings.Contains(string(text.Bytes), "ann") || strings.Contains(string(text.Bytes), "bob") {
				t.Errorf("%s: what is kept holds a name: %q", page, text.Bytes)
			}
			again, err := set.Fill(seenBy(t.Context(), who), nil, text)
			must(t, err)
			equal(t, page, string(again), got)
		}
	}
}

func TestAHoleThatFailsFailsTheRender(t *testing.T) {
	t.Parallel()
	s := newSite(t, liveTemplates, withHoles(t))
	s.page(seenBy(t.Context(), "ann"), "nested", "x")
	var b bytes.Buffer
	err := s.r.Render(seenBy(t.Context(), "fails"), &b, "nested", "x")
	var failed *live.ValueError
	if !errors.As(err, &failed) || b.Len() > 0 {
		t.Fatalf("got %v and %q", err, b.String())
	}
	err = s.r.Render(seenBy(t.Context(), `no token"`), &b, "plain", "x")
	if !errors.Is(err, live.ErrToken) || b.Len() > 0 {
		t.Fatalf("got %v and %q", err, b.String())
	}
	equal(t, "afterwards", s.page(seenBy(t.Context(), "bob"), "nested", "x"), "<p>abobbbob<b>bob</b>c</p>bob")
}

// A value that goes into a fragment by a way that nobody follows keeps the fragment
// out of the cache.
func TestLostHolesArePrivate(t *testing.T) {
	t.Parallel()
	var s *site
	say := func(ctx context.Context) (template.HTML, error) {
		var b strings.Builder
		err := s.frags.Cached(ctx, &b, "inner", time.Hour, nil, func(ctx context.Context, w io.Writer) error {
			return s.frags.Live(ctx, w, "name")
		})
		return template.HTML(strings.ToUpper(b.String())), err
	}
	s = newSite(t, `{{define "p"}}{{if cache "x" "1h"}}{{hit}}<i>{{say}}</i>{{end}}{{end}}`, withHoles(t), withContextFuncs(fragment.ContextFuncs{"say": say}))
	for i, who := range []string{"ann", "bob"} {
		equal(t, "page", s.page(seenBy(t.Context(), who), "p", nil), "<i>"+strings.ToUpper(who)+"</i>")
		equal(t, "bodies run", s.hits.Load(), int64(i+1))
	}
}

func TestHolesOfOtherEngines(t *testing.T) {
	t.Parallel()
	var set *live.Set
	s := newSite(t, "", withHoles(t), withConfig(func(cfg *fragment.Config) { set = cfg.Live }))
	page := func(ctx context.Context, w io.Writer) error {
		fmt.Fprint(w, "<p>")
		err := s.frags.Cached(ctx, w, "a", time.Hour, nil, func(ctx context.Context, w io.Writer) error {
			s.hits.Add(1)
			fmt.Fprint(w, "a")
			return errors.Join(s.frags.Live(ctx, w, "name"), s.frags.Cached(ctx, w, "b", time.Hour, nil, func(ctx context.Context, w io.Writer) error {
				fmt.Fprint(w, "b")
				return s.frags.Live(ctx, w, "token")
			}))
		})
		fmt.Fprint(w, "</p>")
		return errors.Join(err, s.frags.Live(ctx, w, "name"))
	}
	for _, who := range []string{"ann", "robert"} {
		ctx, scope := cache.Open(seenBy(t.Context(), who))
		ctx, rec := set.Record(ctx, false)
		var b bytes.Buffer
		must(t, s.frags.Page(ctx, &b, page))
		equal(t, "page", b.String(), strings.ReplaceAll("<p>a{}b{}</p>{}", "{}", who))
		text, ok := rec.Text(b.Bytes())
		equal(t, "kept", string(text.Bytes), "<p>ab</p>")
		equal(t, "known", ok && scope.Deps().Private == "", true)
		equal(t, "bodies run", s.hits.Load(), 1)
	}
}

func TestMisplacedHolesAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{end}}`, withHoles(t))
	for name, c := range map[string]struct{ src, want string }{
		"unknown":          {`{{live "nobody"}}`, "is registered"},
		"computed":         {`{{live .}}`, "literal name"},
		"in a pipeline":    {`{{live "name" | print}}`, "stands alone"},
		"in a declaration": {`{{$x := live "name"}}`, "stands alone"},
		"in a condition":   {`{{if live "name"}}x{{end}}`, "stands alone"},
		"as an argument":   {`{{if cache "a" "1h" (live "name")}}x{{end}}`, "stands alone"},
		"attribute":        {`<a title="{{live "name"}}">`, "kind html"},
		"title":            {`<title>{{live "name"}}</title>`, "kind html"},
		"comment":          {`<!-- {{live "name"}} -->`, "kind html"},
		"script":           {`<script>{{live "token"}}</script>`, "kind token"},
		"style":            {`<style>{{live "token"}}</style>`, "kind token"},
		"unquoted":         {`<a title={{live "token"}}>`, "kind token"},
		"address":          {`<a href="{{live "token"}}">`, "kind token"},
		"event":            {`<a onclick="{{live "token"}}">`, "kind token"},
		"called elsewhere": {`<a title="{{template "n"}}">{{define "n"}}{{live "name"}}{{end}}`, "or a hole"},
		"called twice":     {`{{template "m"}}<a title="{{template "m"}}">{{define "m"}}{{template "n"}}{{end}}{{define "n"}}{{live "name"}}{{end}}`, "or a hole"},
		"partial":          {`<a title="{{partialCached "n" . "1h"}}">{{define "n"}}{{live "name"}}{{end}}`, "must stand alone"},
		"kept partial":     {`{{$x := partialCached "n" . "1h"}}{{define "n"}}{{live "name"}}{{end}}`, "must stand alone"},
		"partial's caller": {`{{template "m" .}}<a title="{{template "m" .}}">{{define "m"}}{{partialCached "n" . "1h"}}{{end}}{{define "n"}}{{live "name"}}{{end}}`, "must stand alone"},
	} {
		set, err := template.New("page").Funcs(fragment.Funcs()).Funcs(s.funcs).Parse(c.src)
		must(t, err)
		err = s.r.Load(set)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), ":1:") {
			t.Errorf("%s: got %v, want one with %q and the place", name, err, c.want)
		}
	}
}

// A token comes out as html/template would print it wherever one may stand.
func TestTokensReadAsHTMLTemplatePrintsThem(t *testing.T) {
	t.Parallel()
	for _, src := range []string{`x{{%s}}y`, `<p>{{%s}}</p>`, `<a title="a{{%s}}b" class='{{%s}}'>`, `<{{%s}}>`, `{{if cache "a" "1h"}}{{%s}} {{%s}}{{end}}`} {
		s := newSite(t, `{{define "p"}}`+strings.ReplaceAll(src, "%s", `live "token"`)+`{{end}}`, withHoles(t))
		plain := newSite(t, `{{define "p"}}`+strings.ReplaceAll(src, "%s", ".")+`{{end}}`)
		for range 2 {
			equal(t, src, s.page(seenBy(t.Context(), "A_z-09"), "p", nil), plain.get("p", "A_z-09"))
		}
	}
}
