package fragment_test

import (
	"strings"
	"testing"
)

const partialSrc = `{{define "card.html"}}{{hit}}<a title="{{.V}}">{{.V}}</a>{{if cache "in" "1m" .U}}(in {{.U}}){{end}}{{end}}
{{define "p"}}{{partialCached "card.html" . "500s" .U}}|{{$h := partialCached "card.html" . "500s" .U}}<i title="{{$h}}">{{$h}}</i><script>var x={{$h}};</script>{{end}}
{{define "computed"}}{{partialCached .T . "1m" .U}}{{end}}
{{define "countdown"}}{{.}}{{if gt . 0}}{{partialCached "countdown" (index (list 0 0 1 2 3) .) "1m" .}}{{end}}{{end}}
{{define "outer"}}{{if cache "out" "1m"}}<p>{{partialCached "card.html" . "1m" "z"}}</p>{{end}}{{end}}
{{define "off"}}{{partialCached "card.html" . 0 "off"}}{{end}}`

func TestPartialIsEscapedAfterTheCache(t *testing.T) {
	t.Parallel()
	s := newSite(t, partialSrc)
	data := map[string]any{"V": `"<`, "U": 7}
	page := s.get("p", data)
	equal(t, "partial run", s.hits.Load(), 1)
	equal(t, "the same when hit", s.get("p", data), page)
	const card = `<a title="&#34;&lt;">&#34;&lt;</a>(in 7)`
	want := card + `|<i title="&#34;&lt;(in 7)">` + card + `</i><script>var x="\u003ca title=\"\u0026#34;\u0026lt;\"\u003e\u0026#34;\u0026lt;\u003c/a\u003e(in 7)";</script>`
	equal(t, "page", page, want)
}

func TestPartials(t *testing.T) {
	t.Parallel()
	s := newSite(t, partialSrc)
	equal(t, "computed name", s.get("computed", map[string]any{"V": "v", "U": 7, "T": "card.html"}), `<a title="v">v</a>(in 7)`)
	equal(t, "partial run", s.hits.Load(), 1)
	for _, v := range []string{"v", "w"} {
		equal(t, "in a block", s.get("outer", map[string]any{"V": v, "U": 7}), `<p><a title="v">v</a>(in 7)</p>`)
	}
	equal(t, "recursion by value", s.get("countdown", 4), "43210")
	equal(t, "inner one from the cache", s.get("countdown", 3), "3210")
	before := s.hits.Load()
	for range 2 {
		s.get("off", map[string]any{"V": "v", "U": 7})
	}
	equal(t, "not cached", s.hits.Load()-before, 2)
}

func TestPartialErrorStoresNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "c"}}x{{if cache "in" "1m"}}y{{if .}}{{fail}}{{end}}{{end}}{{end}}{{define "p"}}{{partialCached "c" . "1m"}}{{end}}`)
	if err := s.r.Render(t.Context(), new(strings.Builder), "p", true); err == nil {
		t.Fatal("no error")
	}
	equal(t, "stored", s.frags.Stats().Stored, 0)
	equal(t, "page", s.get("p", false), "xy")
	equal(t, "instances", s.r.Stats().Instances, 1)
}
