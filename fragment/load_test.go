package fragment_test

import (
	"errors"
	"html/template"
	"regexp"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

func load(src string) error {
	set, err := template.New("page.html").Funcs(fragment.Funcs()).Parse(src)
	if err != nil {
		return err
	}
	_, err = fragment.NewRenderer(fragment.RendererConfig{}, set)
	return err
}

var location = regexp.MustCompile(`page\.html:1:\d+: `)

func TestMisuseIsRefusedAtLoad(t *testing.T) {
	t.Parallel()
	const inner = `{{define "s"}}{{if cache "a" "1m"}}{{.}}{{end}}{{end}}`
	for name, c := range map[string]struct{ src, want string }{
		"else":                              {`{{if cache "a" "1m"}}x{{else}}y{{end}}`, "cannot have an {{else}}"},
		"else if":                           {`{{if cache "a" "1m"}}x{{else if .}}y{{end}}`, "cannot have an {{else}}"},
		"break":                             {`{{range .}}{{if cache "a" "1m"}}x{{break}}{{end}}{{end}}`, "would leave"},
		"continue in an if":                 {`{{range .}}{{if cache "a" "1m"}}{{if .}}{{continue}}{{end}}{{end}}{{end}}`, "would leave"},
		"break in the else of a range":      {`{{range .}}{{if cache "a" "1m"}}{{range .}}{{else}}{{break}}{{end}}{{end}}{{end}}`, "would leave"},
		"break out of the outer of two":     {`{{range .}}{{if cache "a" "1m"}}{{range .}}{{if cache "b" "1m"}}{{break}}{{end}}{{end}}{{end}}{{end}}`, `fragment "b"`},
		"an action":                         {`{{cache "a" "1m"}}`, "alone in its if"},
		"not":                               {`{{if not (cache "a" "1m")}}x{{end}}`, "alone in its if"},
		"and":                               {`{{if and .X (cache "a" "1m")}}x{{end}}`, "alone in its if"},
		"with":                              {`{{with cache "a" "1m"}}x{{end}}`, "alone in its if"},
		"range":                             {`{{range cache "a" "1m"}}x{{end}}`, "alone in its if"},
		"declaration":                       {`{{if $x := cache "a" "1m"}}x{{end}}`, "alone in its if"},
		"pipeline":                          {`{{if .X | cache "a" "1m"}}x{{end}}`, "alone in its if"},
		"pipeline further":                  {`{{if cache "a" "1m" | not}}x{{end}}`, "alone in its if"},
		"argument of template":              {inner + `{{template "s" (cache "a" "1m")}}`, "alone in its if"},
		"argument of cache":                 {`{{if cache "a" "1m" (cache "b" "1m")}}x{{end}}`, "alone in its if"},
		"function value of cache":           {`{{if cache "a" "1m" cache}}x{{end}}`, "argument of cache"},
		"cacheIf as an action":              {`{{cacheIf . "a" "1m"}}`, "alone in its if"},
		"cacheIf in with":                   {`{{with cacheIf . "a" "1m"}}x{{end}}`, "alone in its if"},
		"cacheIf with not":                  {`{{if not (cacheIf . "a" "1m")}}x{{end}}`, "alone in its if"},
		"cacheIf piped":                     {`{{if .X | cacheIf . "a" "1m"}}x{{end}}`, "alone in its if"},
		"cacheIf with else":                 {`{{if cacheIf . "a" "1m"}}x{{else}}y{{end}}`, "{{if cacheIf}} cannot have an {{else}}"},
		"cacheIf without a condition":       {`{{if cacheIf "a" "1m"}}x{{end}}`, "wants a condition"},
		"cacheIf with a computed name":      {`{{if cacheIf . .N "1m"}}x{{end}}`, "cacheIf: the fragment's name must be a literal"},
		"cacheIf with a bad ttl":            {`{{if cacheIf . "a" "soon"}}x{{end}}`, "invalid duration"},
		"cacheIf in an attribute":           {`<a title="{{if cacheIf . "a" "1m"}}x{{.}}{{end}}">`, "not in HTML text"},
		"cacheIf in a condition":            {`{{if cacheIf (cache "b" "1m") "a" "1m"}}x{{end}}`, "alone in its if"},
		"function value of cacheIf":         {`{{if cacheIf cacheIf "a" "1m"}}x{{end}}`, "argument of cache"},
		"no arguments":                      {`{{if cache}}x{{end}}`, "time to live"},
		"no time to live":                   {`{{if cache "a"}}x{{end}}`, "time to live"},
		"computed name":                     {`{{if cache .N "1m"}}x{{end}}`, "literal string"},
		"empty name":                        {`{{if cache "" "1m"}}x{{end}}`, "literal string"},
		"ttl without unit":                  {`{{if cache "a" "5"}}x{{end}}`, "missing unit"},
		"ttl no duration":                   {`{{if cache "a" "soon"}}x{{end}}`, "invalid duration"},
		"negative ttl":                      {`{{if cache "a" "-5s"}}x{{end}}`, "negative"},
		"negative seconds":                  {`{{if cache "a" -5}}x{{end}}`, "negative"},
		"bool as ttl":                       {`{{if cache "a" true}}x{{end}}`, "bad time to live"},
		"imaginary ttl":                     {`{{if cache "a" 5i}}x{{end}}`, "not a real number"},
		"assignment":                        {`{{$x := 1}}{{if cache "a" "1m"}}{{$x = 2}}{{end}}{{$x}}`, "declared outside"},
		"assignment in parentheses":         {`{{$x := 1}}{{if cache "a" "1m"}}{{if ($x = 2)}}{{end}}{{end}}{{$x}}`, "declared outside"},
		"assignment across an inner":        {`{{if cache "a" "1m"}}{{$x := 1}}{{if cache "b" "1m"}}{{$x = 2}}{{end}}{{$x}}{{end}}`, `fragment "b"`},
		"assignment by range":               {`{{$x := 1}}{{if cache "a" "1m"}}{{range $x = .}}{{end}}{{end}}{{$x}}`, "declared outside"},
		"assignment after a shadow":         {`{{$x := 1}}{{if cache "a" "1m"}}{{if .}}{{$x := 2}}{{end}}{{$x = 3}}{{end}}{{$x}}`, "declared outside"},
		"reserved variable":                 {`{{$_frag_end := 1}}`, "reserved"},
		"attribute":                         {`<a title="{{if cache "a" "1m"}}x{{.}}{{end}}">`, "not in HTML text"},
		"attribute name":                    {`<a {{if cache "a" "1m"}}title="x"{{end}}>`, "not in HTML text"},
		"unquoted attribute":                {`<a href={{if cache "a" "1m"}}{{.}}{{end}}>`, "not in HTML text"},
		"script":                            {`<script>{{if cache "a" "1m"}}var x = {{.}};{{end}}</script>`, "not in HTML text"},
		"script template literal":           {"<script>var x = `{{if cache \"a\" \"1m\"}}{{.}}{{end}}`</script>", "not in HTML text"},
		"style":                             {`<style>{{if cache "a" "1m"}}a{color:{{.}}}{{end}}</style>`, "not in HTML text"},
		"title":                             {`<title>{{if cache "a" "1m"}}{{.}}{{end}}</title>`, "not in HTML text"},
		"textarea":                          {`<textarea>{{if cache "a" "1m"}}{{.}}{{end}}</textarea>`, "not in HTML text"},
		"comment":                           {`<!-- {{if cache "a" "1m"}}{{.}}{{end}} -->`, "not in HTML text"},
		"srcset":                            {`<img srcset="{{if cache "a" "1m"}}{{.}}{{end}}">`, "not in HTML text"},
		"meta refresh":                      {`<meta http-equiv="refresh" content="{{if cache "a" "1m"}}{{.}}{{end}}">`, "not in HTML text"},
		"template in an attribute":          {inner + `<a title="{{template "s" .}}">`, "called in stateAttr"},
		"template in a script, indirectly":  {`{{define "t"}}{{if cache "a" "1m"}}{{.}}{{end}}{{end}}{{define "s"}}{{template "t" .}}{{end}}<script>{{template "s" .}}</script>`, "called in stateJS"},
		"template in text and in a script":  {inner + `{{template "s" .}}<script>{{template "s" .}}</script>`, "called in stateJS"},
		"block in a title":                  {`<title>{{block "s" .}}{{if cache "a" "1m"}}{{.}}{{end}}{{end}}</title>`, "stateRCDATA"},
		"ends in an attribute":              {`{{if cache "a" "1m"}}<div title="{{end}}x">`, "different contexts"},
		"ends in a script":                  {`{{if cache "a" "1m"}}<script>{{end}}</script>`, "different contexts"},
		"end mark by hand":                  {`{{if cache "a" "1m"}}{{_frag_end}}{{end}}`, "not defined"},
		"partialCached of nothing":          {`{{partialCached "nope" . "1m"}}`, `no template "nope"`},
		"partialCached without ttl":         {inner + `{{partialCached "s" .}}`, "time to live"},
		"partialCached with a bad ttl":      {inner + `{{partialCached "s" . "5"}}`, "missing unit"},
		"partialCached in a variable":       {`{{$x := partialCached "nope" . "1m"}}`, `no template "nope"`},
		"partialCached in an argument":      {`{{if cache "a" "1m" (partialCached "nope" . "1m")}}{{end}}`, `no template "nope"`},
		"tag of nothing":                    {`{{tag}}`, "at least one"},
		"a name of html/template's own":     {`{{define "x$htmltemplate_stateAttr"}}{{end}}`, "html/template's own"},
		"an included block, two templates":  {`{{define "t"}}{{if cache "a" "1m"}}{{.}}{{end}}{{end}}{{define "s"}}<b>{{template "t" .}}</b>{{end}}<a title="{{template "s" .}}">`, "called in stateAttr"},
		"text in one page, script in other": {inner + `{{define "q"}}<p>{{template "s" .}}</p>{{end}}{{define "r"}}<script>f({{template "s" .}})</script>{{end}}`, "called in stateJS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := load(c.src)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%s\n got %v\nwant %s", c.src, err, c.want)
			}
			var at *fragment.LoadError
			if errors.As(err, &at) && !location.MatchString(err.Error()) {
				t.Errorf("%v: does not say template:line:column", err)
			}
		})
	}
}

func TestCorrectUseIsAccepted(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"else if cache":               `{{if .X}}a{{else if cache "a" "1m"}}x{{end}}`,
		"break inside":                `{{if cache "a" "1m"}}{{range .}}{{if .}}{{break}}{{end}}{{end}}{{end}}`,
		"break in the else, inside":   `{{if cache "a" "1m"}}{{range .}}{{range .}}{{else}}{{break}}{{end}}{{end}}{{end}}`,
		"own variable":                `{{if cache "a" "1m"}}{{$x := 1}}{{range .}}{{$x = 2}}{{end}}{{$x}}{{end}}`,
		"loop variable":               `{{if cache "a" "1m"}}{{range $i, $x := .}}{{$x = $i}}{{end}}{{end}}`,
		"attributes inside the body":  `{{if cache "a" "1m"}}<div class="{{.}}" onclick="f({{.}})"><script>var x={{.}}</script></div>{{end}}`,
		"unbalanced elements":         `<div>{{if cache "a" "1m"}}</div><div>{{end}}</div>`,
		"script that is no script":    `<script type="text/template">{{if cache "a" "1m"}}<b>{{.}}</b>{{end}}</script>`,
		"trimmed spaces":              `{{- if cache "a" "1m" -}} x {{- end -}}`,
		"half templates":              `{{define "head"}}<html><body>{{end}}{{define "attr"}}" title="{{end}}{{template "head"}}{{if cache "a" "1m"}}<a class="{{template "attr"}}">{{end}}`,
		"partial in an attribute":     `{{define "s"}}{{if cache "a" "1m"}}{{.}}{{end}}{{end}}<a title="{{partialCached "s" . "1m"}}">`,
		"caller of partial in attr":   `{{define "s"}}{{if cache "a" "1m"}}{{.}}{{end}}{{end}}{{define "t"}}{{partialCached "s" . "1m"}}{{end}}<a title="{{template "t" .}}">`,
		"piped partial":               `{{define "s"}}{{.}}{{end}}{{"1m" | partialCached "s" .}}`,
		"every kind of ttl":           `{{if cache "a" 0}}{{end}}{{if cache "a" 1.5}}{{end}}{{if cache "a" 0x10}}{{end}}{{if cache "a" "forever"}}{{end}}{{if cache "a" .T}}{{end}}{{if cache "a" (print 5 "s")}}{{end}}`,
		"cacheIf":                     `{{if cacheIf .X "a" "1m" .Y}}x{{end}}{{if .Z}}z{{else if cacheIf true "b" .T .Y}}y{{end}}{{if cacheIf (and .X (not .Y)) "a" 0}}x{{end}}`,
		"tags anywhere":               `{{tag "a"}}<a {{tag "b"}} title="{{tag "c"}}" {{.Tags | tag}}><script>f({{tag "d"}})</script><style>{{tag "e"}}</style><title>{{tag "f"}}</title><{{tag "g"}}b>`,
		"another template is missing": `{{define "other"}}{{template "missing" .}}{{end}}{{if cache "a" "1m"}}x{{end}}`,
		"comment":                     `{{if cache "a" "1m"}}{{/* note */}}x{{end}}`,
		"nested with else":            `{{if cache "a" "1m"}}{{if .}}x{{else}}y{{end}}{{with .}}x{{else with .}}y{{end}}{{end}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := load(src); err != nil {
				t.Fatalf("%s: %v", src, err)
			}
		})
	}
}

func TestEveryMistakeIsReported(t *testing.T) {
	t.Parallel()
	err := load(`{{cache "a" "1m"}}{{if cache "b"}}{{end}}{{tag}}`)
	if n := strings.Count(err.Error(), "page.html:1:"); n != 3 {
		t.Fatalf("%d of 3 mistakes in %v", n, err)
	}
}

func TestUsingUnknownCacheIsRefusedAtLoad(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	caches, err := cache.NewCaches(map[string]*cache.Cache{"default": s.cache, "hot": s.cache})
	must(t, err)
	for name, cfg := range map[string]fragment.Config{
		"no caches": {Cache: s.cache, Salt: "x"},
		"not there": {Caches: caches, Salt: "x"},
	} {
		frags, err := fragment.New(cfg)
		must(t, err)
		_, err = fragment.NewRenderer(fragment.RendererConfig{Fragments: frags}, s.parse(`{{if cache "a" "1m" (using "nope")}}{{end}}`))
		if err == nil || !strings.Contains(err.Error(), `"nope"`) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestExecutedSetIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	set := s.parse(`x`)
	must(t, set.Execute(new(strings.Builder), nil))
	if _, err := fragment.NewRenderer(fragment.RendererConfig{}, set); err == nil || !strings.Contains(err.Error(), "has not been executed") {
		t.Fatalf("got %v", err)
	}
}
