package fragment_test

import (
	"errors"
	"fmt"
	"html/template"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/fragment"
)

// Places where the bytes of a fragment or of HTML would mean something else; %s is
// what stands there.
var elsewhere = map[string]string{
	"attribute":          `<p title="a %s b">x</p>`,
	"attribute, single":  `<p title='%s'>x</p>`,
	"attribute, bare":    `<p title=%s>x</p>`,
	"tag":                `<p %s>x</p>`,
	"address":            `<a href="%s">x</a>`,
	"query":              `<a href="/x?q=%s">x</a>`,
	"srcset":             `<img srcset="%s 2x">`,
	"event handler":      `<p onclick="f(%s)">x</p>`,
	"event, in a string": `<p onclick="f('%s')">x</p>`,
	"style attribute":    `<p style="color: %s">x</p>`,
	"script":             `<script>f(%s)</script>`,
	"script, string":     `<script>f("%s")</script>`,
	"script, template":   "<script>f(`%s`)</script>",
	"script, expression": "<script>f(`${ %s }`)</script>",
	"script, regexp":     `<script>/%s/.test(x)</script>`,
	"script, comment":    "<script>// %s\n</script>",
	"script, JSON":       `<script type="application/json">{"a": %s}</script>`,
	"style":              `<style>p { color: %s }</style>`,
	"style, address":     `<style>p { background: url(%s) }</style>`,
	"title":              `<title>%s</title>`,
	"textarea":           `<textarea>%s</textarea>`,
	"comment":            `<!-- %s -->`,
}

// ways are how something gets there: a page, and %s, the place; X is what must not
// come there.
var ways = map[string]string{
	"directly":              `{{define "p"}}<b>%s</b>{{end}}|X`,
	"in a loop":             `{{define "p"}}{{range .}}%s{{end}}{{end}}|X`,
	"in a branch":           `{{define "p"}}{{with .}}y{{else with $}}%s{{end}}{{end}}|{{if $}}X{{end}}`,
	"by a template":         `{{define "p"}}%s{{end}}{{define "q"}}X{{end}}|{{template "q" .}}`,
	"by two templates":      `{{define "p"}}%s{{end}}{{define "q"}}X{{end}}{{define "r"}}a{{template "q" .}}{{end}}|{{template "r" .}}`,
	"from text, too":        `{{define "p"}}{{template "q" .}}%s{{end}}{{define "q"}}X{{end}}|{{template "q" .}}`,
	"by a block":            `{{define "p"}}%s{{end}}|{{block "b" .}}X{{end}}`,
	"by an overridden one":  `{{define "p"}}%s{{end}}{{define "b"}}X{{end}}|{{block "c" .}}y{{end}}{{template "b" .}}`,
	"by another page alone": `{{define "p"}}{{template "q" .}}{{end}}{{define "other"}}%s{{end}}{{define "q"}}X{{end}}|{{template "q" .}}`,
}

// Whatever way leads there, and whatever page is asked for, the set is refused, with
// the place.
func TestNothingIsCachedElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", withHoles(t))
	n := 0
	for place, around := range elsewhere {
		for way, both := range ways {
			page, call, _ := strings.Cut(both, "|")
			for _, what := range []string{`{{if cache "f" "1m"}}x{{end}}`, `{{if cacheIf . "f" "1m"}}x{{end}}`, `{{if cache "f" "1m"}}{{if cache "g" "1m"}}x{{end}}{{end}}`, `{{live "name"}}`, `{{live "bold"}}`} {
				src := strings.ReplaceAll(fmt.Sprintf(page, fmt.Sprintf(around, call)), "X", what)
				set, err := template.New("set").Funcs(fragment.Funcs()).Funcs(s.funcs).Parse(src)
				must(t, err)
				_, err = fragment.NewRenderer(fragment.RendererConfig{Fragments: s.frags}, set)
				var refused *fragment.LoadError
				if !errors.As(err, &refused) || !strings.HasPrefix(refused.Location, "set:1:") {
					t.Errorf("%s, %s: got %v for\n%s", place, way, err, src)
				}
				n++
			}
		}
	}
	t.Logf("%d sets refused", n)
}

// The same sets with HTML text in that place are in order.
func TestEverythingIsCachedInText(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", withHoles(t))
	for _, around := range []string{`<p>%s</p>`, `%s`, `<table><tr><td>%s`, `<pre>%s</pre>`, `<button><i>%s</i></button>`, `<svg><text>%s</text></svg>`} {
		for way, both := range ways {
			page, call, _ := strings.Cut(both, "|")
			for _, what := range []string{`{{if cache "f" "1m"}}x{{end}}`, `{{live "name"}}`} {
				src := strings.ReplaceAll(fmt.Sprintf(page, fmt.Sprintf(around, call)), "X", what)
				set, err := template.New("set").Funcs(fragment.Funcs()).Funcs(s.funcs).Parse(src)
				must(t, err)
				if _, err = fragment.NewRenderer(fragment.RendererConfig{Fragments: s.frags}, set); err != nil {
					t.Errorf("%s: got %v for\n%s", way, err, src)
				}
			}
		}
	}
}

// with, block and template around fragments and in them, on misses and hits: the
// dot and the variables are those of the place.
func TestWithBlockAndTemplateAroundAndInside(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, `{{define "p"}}`+
			`{{with .A}}{{if cache "in with" "1h" .}}{{hit}}[{{.}}|{{$.B}}]{{end}}{{end}}`+
			`{{if cache "around with" "1h" .A .B}}{{hit}}{{with .A}}({{.}}){{else with .B}}-{{.}}-{{else}}none{{end}}{{with $x := .B}}{{$x}}{{end}}{{end}}`+
			`{{with .A}}{{else}}{{if cache "in else" "1h"}}{{hit}}else{{end}}{{end}}`+
			`{{block "b" .B}}{{if cache "in block" "1h" .}}{{hit}}b{{.}}{{end}}{{end}}`+
			`{{if cache "around block" "1h" .B}}{{hit}}{{block "c" .B}}c{{.}}{{template "d" .}}{{end}}{{end}}{{end}}`+
			`{{define "d"}}{{if cache "in template" "1h" .}}{{hit}}d{{.}}{{end}}{{end}}`, opts...)
		type data struct{ A, B string }
		for d, want := range map[data]string{
			{"a", "b"}: "[a|b](a)bbbcbdb", {"", "b"}: "-b-belsebbcbdb", {"a2", "b2"}: "[a2|b2](a2)b2bb2cb2db2", {"", ""}: "noneelsebcd",
		} {
			for range 2 {
				equal(t, fmt.Sprint(d), s.get("p", d), want)
			}
		}
		runs := s.hits.Load()
		for _, d := range []data{{"a", "b"}, {"", "b"}, {"a2", "b2"}, {"", ""}} {
			s.get("p", d)
		}
		equal(t, "bodies run again", s.hits.Load(), runs)
	})
}
