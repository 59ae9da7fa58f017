package fragment_test

import (
	"fmt"
	"html/template"
	"iter"
	"math/rand"
	"strings"
	"sync/atomic"
)

// A second generator of template sets, which knows nothing of how the first one or
// the package is made: it goes through the syntax of text/template and the contexts
// of html/template as their documentation lists them. What it writes is in order, so
// a set that is refused is a finding, unless html/template refuses it too.

// node is most of what templates are given.
type node struct {
	ID    int
	Name  string
	N     int
	F     float64
	Ok    bool
	URL   string
	Tags  []string
	Map   map[string]int
	Kids  []node
	Next  *node
	Any   any
	Fn    func(int) string
	Empty []string
}

// String hides addresses.
func (n node) String() string { return fmt.Sprint("<node ", n.ID, ">") }

func (n node) Twice(s string) string { return s + s }

func (n node) May(fail bool) (string, error) {
	if fail {
		return "", errMay
	}
	return "may", nil
}

var errMay = fmt.Errorf("it may not")

// Chan returns a channel that has ended.
func (n node) Chan() <-chan string {
	c := make(chan string, 3)
	for i := range n.N % 4 {
		c <- fmt.Sprint("c", i)
	}
	close(c)
	return c
}

func (n node) Seq() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n.N % 4 {
			if !yield(i * 10) {
				return
			}
		}
	}
}

func (n node) Seq2() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for i := range n.N % 3 {
			if !yield(fmt.Sprint("<k", i), i) {
				return
			}
		}
	}
}

func newNode(id, depth int) node {
	n := node{
		ID: id, Name: fmt.Sprintf(`n<%d> & "q" 'a' \ `+"`$"+`{x}`, id), N: id*7%11 + 1, F: float64(id) / 3, Ok: id%2 == 0,
		URL: []string{"/p?a=b&c=d", "javascript:alert(1)", "https://x.test/ü y", "mailto:a@b"}[id%4], Tags: []string{"a", "<b>", "c&d"}[:id%4],
		Map: map[string]int{"x": id, "y<": 2}, Fn: func(i int) string { return fmt.Sprintf("<fn %d>", i) },
		Any: []any{nil, 1, "s<", 2.5, true, []int{1, 2}, map[string]string{"k": "</script>"}}[id%7],
	}
	if depth > 0 {
		next := newNode(id*3+1, depth-1)
		n.Next = &next
		for i := range 2 {
			n.Kids = append(n.Kids, newNode(id*2+i+1, depth-1))
		}
	}
	return n
}

// heldOut makes sets. Names of variables are unique in a set.
type heldOut struct {
	r     *rand.Rand
	vars  []string // declared and in scope, strings and numbers
	own   []int    // how many of them each open fragment found
	loops []int    // loops open in the page and in each open fragment
	depth int
	count int // of names
	frags int
	fails bool   // some bodies do
	level int    // of the template that is made: it calls those of higher ones
	dot   string // what the dot is: node, text or any
}

func (g *heldOut) pick(list ...string) string { return list[g.r.Intn(len(list))] }

func (g *heldOut) name(prefix string) string { g.count++; return fmt.Sprint(prefix, g.count) }

// list is some parts, in a scope of their own.
func (g *heldOut) list() string {
	if g.depth++; g.depth > 6 {
		g.depth--
		return g.pick("x", "{{.}}", " ", "")
	}
	vars := len(g.vars)
	var b strings.Builder
	for range 1 + g.r.Intn(4) {
		b.WriteString(g.part())
	}
	g.vars = g.vars[:vars]
	g.depth--
	return b.String()
}

// under is a list whose dot is another.
func (g *heldOut) under(dot string, list func() string) string {
	before := g.dot
	g.dot = dot
	defer func() { g.dot = before }()
	return list()
}

func (g *heldOut) loop(list func() string) string {
	g.loops[len(g.loops)-1]++
	defer func() { g.loops[len(g.loops)-1]-- }()
	return list()
}

func (g *heldOut) part() string {
	switch g.r.Intn(13) {
	case 0:
		return g.markup()
	case 1, 2:
		return g.action()
	case 3:
		return g.branch()
	case 4:
		return g.ranges()
	case 5:
		return g.variable()
	case 6:
		return g.call()
	case 7, 8, 9, 10:
		return g.fragment()
	case 11:
		return g.pick(`{{/* a comment */}}`, "\n  {{- /* trimmed */ -}}\n ", `<!-- of html {{`+g.value()+`}} -->`, "{{- \"\" -}}", `{{ live "name" }}`, `<i id="{{live "token"}}">`)
	}
	return g.elsewhere()
}

func (g *heldOut) markup() string {
	return g.pick("text &amp; &lt; <b>bold</b>", "<p>open", "</p>", "<br/>\n", "  {{- ` raw <b> ` -}}  ", "<ul><li>", `<input disabled value=x>`, "<table><tr><td>", "ünï\u2028", "<svg><path d='M0'/></svg>", "&copy", "<textarea>a</textarea>")
}

// value is something that can be printed.
func (g *heldOut) value() string {
	if len(g.vars) > 0 && g.r.Intn(3) == 0 {
		return g.vars[g.r.Intn(len(g.vars))]
	}
	switch g.dot {
	case "node":
		return g.pick(".Name", ".N", ".F", ".Ok", ".URL", ".Tags", ".Map", ".Any", ".ID", `(.Twice "<>")`, `(index .Map "x")`, "(len .Name)", "(slice .Name 0 2)", "(call .Fn 3)",
			".Map.x", "(len .Kids)", `(.May false)`, "(and .Ok .N)", "(or .Empty .Name)", "(not .Ok)", `(html .Name)`, `(print .N "," .F)`, "$.ID")
	case "text":
		return g.pick(".", "(print .)", `(printf "%v" .)`, "$.ID", "(len (print .))")
	}
	return g.pick("$.Name", "1", `"lit<eral>"`, "'c'", "0x1F", "1.5e3", "true", "1i")
}

func (g *heldOut) action() string {
	v := g.value()
	return g.pick(`{{`+v+`}}`, `{{- `+v+` -}}`, ` {{`+v+` | printf "%v"}}`, `{{print `+v+` | html}}`, `{{(`+v+`)}}`, `{{safe `+v+`}}`, `{{`+v+` | print | len}}`, "{{`q` | print "+v+"}}", `{{urlquery `+v+`}}`, `{{js `+v+`}}`,
		`{{eq (print `+v+`) "1"}}`, "{{\n"+v+"\n| print\n}}")
}

func (g *heldOut) condition() string {
	return g.pick("(print "+g.value()+")", "eq 1 2", "gt (len (print "+g.value()+")) 2", "and true (eq (print $.ID) \"1\")", "not $.Ok", "or false $.Ok", "ne (print "+g.value()+") \"\"", "$.Empty", "$.Next", "0", `""`)
}

func (g *heldOut) branch() string {
	switch g.r.Intn(7) {
	case 0:
		return "{{if " + g.condition() + "}}" + g.list() + "{{end}}"
	case 1:
		return "{{if " + g.condition() + "}}" + g.list() + "{{else if " + g.condition() + "}}" + g.list() + "{{else}}" + g.list() + "{{end}}"
	case 2:
		return "{{with $.Next}}" + g.under("node", g.list) + "{{else with $.Tags}}" + g.under("text", g.list) + "{{else}}" + g.list() + "{{end}}"
	case 3:
		v := g.name("$w")
		s := "{{with " + v + " := $.Name}}"
		g.vars = append(g.vars, v)
		s += g.under("text", g.list)
		g.vars = g.vars[:len(g.vars)-1]
		return s + "{{end}}"
	case 4: // a fragment in the else-if
		return "{{if " + g.condition() + "}}" + g.list() + "{{else " + strings.TrimPrefix(g.fragment(), "{{")
	case 5: // set in branches, shown behind
		if v := g.settable(); v != "" {
			return "{{if " + g.condition() + "}}{{" + v + " = print " + v + " 1}}" + g.list() + "{{else}}{{" + v + " = 7}}{{end}}{{" + v + "}}"
		}
	}
	return "{{with list nil 1}}" + g.under("text", g.list) + "{{end}}"
}

// settable is a variable that every open fragment has declared.
func (g *heldOut) settable() string {
	from := 0
	if len(g.own) > 0 {
		from = g.own[len(g.own)-1]
	}
	if len(g.vars) <= from {
		return ""
	}
	return g.vars[from+g.r.Intn(len(g.vars)-from)]
}

func (g *heldOut) variable() string {
	if v := g.settable(); v != "" && g.r.Intn(2) == 0 {
		return "{{" + v + " = printf \"%v<\" " + v + "}}{{" + v + "}}"
	}
	v := g.name("$v")
	s := "{{" + v + " := print " + g.value() + "}}"
	g.vars = append(g.vars, v)
	return s
}

func (g *heldOut) ranges() string {
	k, v := g.name("$k"), g.name("$e")
	over := g.pick("$.Kids", "$.Tags", "$.Map", "$.Chan", "$.Seq", "$.Seq2", "3", "$.N", "$.Empty", "(list 1 `<a>` 2.5)")
	dot := "text"
	if over == "$.Kids" {
		dot = "node"
	}
	body := func() string {
		return g.loop(func() string {
			s := g.under(dot, g.list)
			if g.r.Intn(3) == 0 {
				s += g.pick("{{if gt (len (print .)) 9}}{{break}}{{end}}", "{{if eq (print .) \"1\"}}{{continue}}{{end}}", "{{break}}", "{{- continue -}}") + g.pick("", "tail")
			}
			return s
		})
	}
	switch over {
	case "3", "$.N", "$.Seq", "$.Chan":
		if g.r.Intn(2) == 0 {
			g.vars = append(g.vars, v)
			s := "{{range " + v + " := " + over + "}}" + body()
			g.vars = g.vars[:len(g.vars)-1]
			return s + "{{end}}"
		}
	case "$.Kids":
	default:
		if g.r.Intn(2) == 0 {
			g.vars = append(g.vars, k, v)
			s := "{{range " + k + ", " + v + " := " + over + "}}" + body()
			g.vars = g.vars[:len(g.vars)-2]
			return s + "{{end}}"
		}
	}
	return "{{range " + over + "}}" + body() + "{{else}}" + g.list() + "{{end}}"
}

// vary is all that a body can depend on.
func (g *heldOut) vary() string {
	parts := []string{g.pick("(key $)", "(id $)"), "(key .)"}
	for _, v := range g.vars {
		parts = append(parts, g.pick("(key "+v+")", "(print "+v+")"))
	}
	return " " + strings.Join(parts, " ")
}

func (g *heldOut) fragment() string {
	g.frags++
	ttl := g.pick(`"1m"`, `60`, `"forever"`, `1.5`, `"1h30m"`, `0`, `(len (print $))`, `(ttl)`, `"90s"`)
	head := fmt.Sprintf(`if cache "f%d" %s`, g.r.Intn(4), ttl)
	if g.r.Intn(4) == 0 {
		head = fmt.Sprintf(`if cacheIf %s "f%d" %s`, g.pick("$.Ok", "(gt $.N 3)", "true", "$.Empty", "(and $.Ok 1)"), g.r.Intn(4), ttl)
	}
	s := "{{" + head + g.vary() + g.pick("}}", " -}}")
	g.own, g.loops = append(g.own, len(g.vars)), append(g.loops, 0)
	s += g.list()
	if g.loops[len(g.loops)-1] == 0 && g.fails && g.r.Intn(40) == 0 {
		s += g.pick("{{fail}}", "{{$.Missing}}", "{{index $.Tags 99}}", "{{$.Next.Next.Next.Next.Name}}", "{{$.May true}}", "{{template \"none\"}}")
	}
	g.own, g.loops = g.own[:len(g.own)-1], g.loops[:len(g.loops)-1]
	return s + g.pick("{{end}}", "{{- end}}", "{{end -}} ")
}

func (g *heldOut) call() string {
	later := g.level + 1 + g.r.Intn(2)
	switch {
	case g.level == 4: // in what the others call
		return g.pick(`{{template "leaf" $.ID}}`, `{{template "tree" $}}`, `{{template "leaf"}}`)
	case later > 3:
		return g.pick(`{{template "leaf" $.ID}}`, `{{template "tree" $}}`, `{{template "layout block" $}}`)
	}
	switch g.r.Intn(5) {
	case 0:
		return fmt.Sprintf(`{{partialCached "leaf" %s "1m" (key %s)}}`, "$.Name", "$.Name")
	case 1:
		return fmt.Sprintf(`{{partialCached (print "t" %d) $ "1m" (key $)}}`, later)
	case 2:
		v := g.name("b")
		before, own, loops := g.vars, g.own, g.loops
		g.vars, g.own, g.loops = nil, nil, []int{0}
		s := fmt.Sprintf(`{{block "%s" $}}%s{{end}}`, v, g.under("node", g.list))
		g.vars, g.own, g.loops = before, own, loops
		return s
	}
	return fmt.Sprintf(`{{template "t%d" $}}`, later)
}

// elsewhere are the other contexts of html/template, without fragments in them.
func (g *heldOut) elsewhere() string {
	v := g.value()
	d := "{{" + v + "}}"
	return g.pick(
		`<a href="`+d+`" title='`+d+`'>`, `<a href=`+d+`>`, `<a href="/x?q=`+d+`&r={{.}}#`+d+`">`, `<img srcset="`+d+` 2x" src='`+d+`'>`,
		`<p style="color: `+d+`; width: {{$.N}}px">`, `<p onclick="f(`+d+`, '{{$.Name}}')">`, `<p data-x="`+d+`" {{attr}}>`, `<p class="{{if `+g.condition()+`}}a{{else}}b{{end}} {{range $.Tags}}{{.}} {{end}}">`,
		"<script>var a = "+d+", b = '"+d+"', c = \""+d+"\"; // "+d+"\n/* {{$.N}} */ if (a < 1 && /x"+d+"/.test(b)) {}</script>",
		"<script>var t = `lit ${ "+d+" } {{$.Name}}`; f(`{{$.N}}`)</script>", `<script type="application/json">{"a": `+d+`}</script>`, `<script type="text/template"><b>`+d+`</b></script>`,
		`<style>p { width: `+d+`px; background: url("`+d+`") } /* {{$.N}} */</style>`, `<title>`+d+`</title>`, `<textarea>`+d+`</textarea>`, `<p {{if $.Ok}}hidden{{end}}>`,
		`<p title="{{partialCached "leaf" $.Name "1m" (key $.Name)}}">`, "<script>var p = {{partialCached \"leaf\" $.N `1m` $.N}}</script>", `<a href="{{template "leaf" $.URL}}">`, `<title>{{template "leaf" $.Name}}</title>`,
		`{{with $h := safe $.Name}}{{$h}}<p title="{{$h}}">{{end}}`, `<script>var j = {{safeJS}};</script><a href="{{safeURL}}">`, `<p title="{{block "`+g.name("attr")+`" .}}{{print .}}{{end}}">`)
}

// set makes a layout and a page that overrides a block of it.
func (g *heldOut) set() (sources []string) {
	var b strings.Builder
	g.fails = g.r.Intn(5) == 0
	b.WriteString(`{{define "leaf"}}leaf {{.}}{{end}}`)
	b.WriteString(`{{define "tree"}}<li>{{.Name}}{{if cache "tree" "1m" (key .)}}{{.N}}{{range .Kids}}{{template "tree" .}}{{end}}{{end}}</li>{{end}}`)
	for level := 3; level >= 0; level-- {
		g.level, g.dot, g.vars, g.own, g.loops = level, "node", nil, nil, []int{0}
		fmt.Fprintf(&b, "{{define \"t%d\"}}%s{{end}}\n", level, g.list()+g.list())
	}
	g.level = 4
	fmt.Fprintf(&b, `{{define "page"}}<html><body>{{template "t0" .}}{{block "layout block" .}}%s{{end}}{{template "tree" .}}</body></html>{{end}}`, g.list())
	g.level, g.vars, g.own, g.loops = 4, nil, nil, []int{0}
	return []string{b.String(), `{{define "layout block"}}overridden ` + g.list() + `{{end}}`}
}

// heldOutFuncs are those of both sides.
func heldOutFuncs(who *atomic.Pointer[string]) (both, plain template.FuncMap) {
	key := func(v any) string {
		switch v := v.(type) {
		case node:
			return fmt.Sprint("node ", v.ID, len(v.Kids))
		case *node:
			if v == nil {
				return "no node"
			}
			return fmt.Sprint("node ", v.ID, len(v.Kids))
		}
		return fmt.Sprintf("%T %v", v, v)
	}
	both = template.FuncMap{
		"key": key, "id": func(v any) string { return key(v) }, "fail": func() (string, error) { return "", errMay },
		"list": func(a ...any) []any { return a }, "ttl": func() int { return 30 },
		"safe":   func(v any) template.HTML { return template.HTML(fmt.Sprintf("<i>%v</i>", v)) },
		"safeJS": func() template.JS { return "f(1 < 2)" }, "safeURL": func() template.URL { return "javascript:f()" },
		"attr": func() template.HTMLAttr { return `data-y="1"` },
	}
	yes := func(...any) bool { return true }
	plain = template.FuncMap{"cache": yes, "cacheIf": yes, "live": func(name string) template.HTML { return template.HTML(*who.Load()) }}
	return both, plain
}
