package fragment_test

import (
	"bytes"
	"fmt"
	"html/template"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/echoic-go/echoic/fragment"
)

// The differential test: random template sets are rendered by plain
// html/template, where cache is always true and partialCached renders, and by
// a Renderer, cold and then hot. What the Renderer accepts must come out the
// same, byte for byte. FRAGMENT_FUZZ_SEED chooses the first set and
// FRAGMENT_FUZZ_SETS how many there are.

// generator makes template sets. Its choices come from draw.
type generator struct {
	draw  func(n int) int // 0 to n-1
	vars  []string        // declared and in scope
	depth int
	loops int
	index int // of the template that is made
	calls int // of other templates in it
	names int
}

const templates = 6 // t0 to t5; a template calls only later ones

// vary is all that a body can depend on.
func (g *generator) vary() string {
	if g.draw(2) == 0 { // what loops look up ahead
		return strings.Join(append([]string{" ."}, g.vars...), " ")
	}
	var b strings.Builder
	b.WriteString(" (key .)")
	for _, v := range g.vars {
		b.WriteString(" (key " + v + ")")
	}
	return b.String()
}

// later is a template to call. After a few calls it is one that calls nothing:
// what a fuzzer would like best is a set that takes for ever.
func (g *generator) later() int {
	if g.calls++; g.calls > 3 {
		return templates + g.draw(3)
	}
	return g.index + 1 + g.draw(3)
}

func (g *generator) body() string {
	if g.depth > 5 {
		return "x"
	}
	g.depth++
	declared := len(g.vars)
	var b strings.Builder
	for range 1 + g.draw(4) {
		b.WriteString(g.part())
	}
	g.depth--
	g.vars = g.vars[:declared]
	return b.String()
}

func (g *generator) part() string {
	switch g.draw(19) {
	case 0:
		return "text &amp; <b>x</b>"
	case 1:
		return `<a href="/q?x={{.}}" title='{{.}}' onclick="f({{.}})">{{.}}</a>`
	case 2:
		return `<script>var a = {{.}}; {{if true}}f({{.}}){{end}}</script>`
	case 3, 4, 5:
		g.names++
		return fmt.Sprintf(`{{if %s "f%d" %s%s}}%s{{end}}`, []string{`cache`, `cache`, `cache`, `cacheIf (odd .)`, `cacheIf .`}[g.draw(5)],
			g.names%3, []string{`"1m"`, `60`, `"forever"`, `0`}[g.draw(4)], g.vary(), g.body())
	case 6:
		g.loops++
		body := g.body()
		g.loops--
		return fmt.Sprintf(`{{range sub .}}%s{{else}}none{{end}}`, body)
	case 7:
		return fmt.Sprintf(`{{with sub .}}%s{{else}}%s{{end}}`, g.body(), g.body())
	case 8:
		if g.loops > 0 {
			return []string{`{{if odd .}}{{break}}{{end}}`, `{{if odd .}}{{continue}}{{end}}`}[g.draw(2)]
		}
		return "{{/* no loop */}}"
	case 9:
		v := fmt.Sprintf("$v%d", len(g.vars))
		g.vars = append(g.vars, v)
		return fmt.Sprintf(`{{%s := key .}}{{%s}}`, v, v)
	case 10:
		if len(g.vars) > 0 && g.draw(4) == 0 {
			v := g.vars[g.draw(len(g.vars))]
			return fmt.Sprintf(`{{%s = printf "%%s!" %s}}`, v, v)
		}
		return "<br>"
	case 11, 12:
		return fmt.Sprintf(`{{template "t%d" .}}`, g.later())
	case 13:
		return fmt.Sprintf(`{{partialCached "t%d" . "1m" %s}}`, g.later(), []string{"(key .)", "."}[g.draw(2)])
	case 14:
		return fmt.Sprintf(`<p title="{{partialCached "t%d" . "1m" (key .)}}">`, g.later())
	case 15:
		return fmt.Sprintf(`<i class="{{template "t%d" .}}">`, templates+g.draw(2))
	default:
		return g.nothing()
	}
}

// nothing is a part that prints nothing, in various contexts.
func (g *generator) nothing() string {
	switch g.draw(4) {
	case 0:
		return `{{tag (key .)}}`
	case 1:
		return `<u {{tag "a"}} class="{{tag "b"}}{{key .}}">{{key . | tag}}</u>`
	case 2:
		return `<style>p{color:{{tag "c"}}red}</style><script>{{tag "d"}}g({{.}})</script>`
	default:
		return fmt.Sprintf(`{{if odd .}}%s{{else if cache "e" "1m"%s}}%s{{end}}`, g.body(), g.vary(), g.body())
	}
}

func (g *generator) set() string {
	var b strings.Builder
	for i := range templates {
		g.index, g.vars, g.loops, g.depth, g.calls = i, nil, 0, 0, 0
		fmt.Fprintf(&b, `{{define "t%d"}}%s{{end}}`, i, g.body())
	}
	b.WriteString(`{{define "t6"}}six{{.}}{{end}}{{define "t7"}}seven{{end}}{{define "t8"}}{{.}}{{end}}`)
	return b.String()
}

var generatedFuncs = template.FuncMap{
	"key": func(v any) string { return fmt.Sprintf("%T%v", v, v) },
	"sub": func(v any) []int {
		n, _ := v.(int)
		var out []int
		for i := range max(n, 0) {
			out = append(out, i)
		}
		return out
	},
	"odd": func(v any) bool { n, _ := v.(int); return n%2 == 1 },
}

// plainSet is the set for html/template alone.
func plainSet(src string) (*template.Template, error) {
	plain := template.New("").Funcs(generatedFuncs)
	plain.Funcs(template.FuncMap{
		"cache":   func(...any) bool { return true },
		"cacheIf": func(...any) bool { return true },
		"tag":     func(...any) template.HTML { return "" },
		"partialCached": func(name string, data any, _ ...any) (template.HTML, error) {
			var b bytes.Buffer
			err := plain.ExecuteTemplate(&b, name, data)
			return template.HTML(b.String()), err
		},
	})
	return plain.Parse(src)
}

// verdict is what became of a generated set.
type verdict struct {
	accepted bool
	reason   string
	blocks   int
}

// compare renders src both ways.
func compare(t *testing.T, frags *fragment.Fragments, src string) verdict {
	t.Helper()
	// Without the tags, which print nothing: html/template alone would take
	// them for values.
	plain, err := plainSet(withoutTags.Replace(src))
	if err != nil {
		return verdict{reason: "does not parse"}
	}
	set, err := template.New("").Funcs(fragment.Funcs()).Funcs(generatedFuncs).Parse(src)
	if err != nil {
		t.Error(err)
		return verdict{}
	}
	r, err := fragment.NewRenderer(fragment.RendererConfig{Fragments: frags}, set)
	if err != nil {
		return verdict{reason: reasonOf(err)}
	}
	v := verdict{accepted: true, blocks: r.Stats().Blocks}
	for pass, data := range []int{3, 2, 3, 2} { // cold, cold for other data, hot, hot
		var want, got bytes.Buffer
		wantErr := plain.ExecuteTemplate(&want, "t0", data)
		err := r.Render(t.Context(), &got, "t0", data)
		if (err == nil) != (wantErr == nil) {
			t.Errorf("pass %d: got error %v, html/template %v\n%s", pass, err, wantErr, src)
			return v
		}
		if wantErr != nil {
			v = verdict{reason: "fails when executed"}
		} else if got.String() != want.String() {
			t.Errorf("pass %d: differs\n%s\n--- want\n%s\n--- got\n%s", pass, src, want.String(), got.String())
			return v
		}
	}
	return v
}

var withoutTags = strings.NewReplacer(`{{tag (key .)}}`, "", `{{tag "a"}}`, "", `{{tag "b"}}`, "", `{{tag "c"}}`, "", `{{tag "d"}}`, "", `{{key . | tag}}`, "")

func reasonOf(err error) string {
	for _, reason := range []string{"not in HTML text", "would leave", "declared outside", "called in", "different contexts"} {
		if strings.Contains(err.Error(), reason) {
			return reason
		}
	}
	return err.Error()
}

func fromEnv(t *testing.T, name string, byDefault int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return byDefault
	}
	n, err := strconv.Atoi(v)
	must(t, err)
	return n
}

func TestSameAsPlainTemplates(t *testing.T) {
	t.Parallel()
	first, sets := fromEnv(t, "FRAGMENT_FUZZ_SEED", 1), fromEnv(t, "FRAGMENT_FUZZ_SETS", 1000)
	if testing.Short() {
		sets = min(sets, 500)
	}
	// One for all sets, which must not get each other's fragments; a quarter of
	// them with a store that loops look ahead in.
	sites := []*site{newSite(t, ""), newSite(t, "", withStore(asBytes))}
	const workers = 4
	results := make([]tally, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			results[w].refused = map[string]int{}
			for seed := first + w; seed < first+sets && !t.Failed(); seed += workers {
				r := rand.New(rand.NewSource(int64(seed)))
				g := generator{draw: r.Intn}
				results[w].add(compare(t, sites[w/(workers-1)].frags, g.set()))
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			}
		})
	}
	wg.Wait()
	total := tally{refused: map[string]int{}}
	for _, r := range results {
		total.accepted += r.accepted
		total.blocks += r.blocks
		for reason, n := range r.refused {
			total.refused[reason] += n
		}
	}
	t.Logf("%d sets with %d fragments came out the same; refused: %v", total.accepted, total.blocks, total.refused)
	if total.accepted < sets/4 || total.blocks < total.accepted {
		t.Errorf("only %d of %d sets with %d fragments were compared", total.accepted, sets, total.blocks)
	}
}

// tally counts verdicts.
type tally struct {
	accepted, blocks int
	refused          map[string]int
}

func (n *tally) add(v verdict) {
	if !v.accepted {
		n.refused[v.reason]++
		return
	}
	n.accepted++
	n.blocks += v.blocks
}

// FuzzSameAsPlainTemplates lets the fuzzer make the choices. Run it with
// -fuzzminimizetime 10x: coverage differs from run to run, and the fuzzer would
// spend its time on making inputs smaller.
func FuzzSameAsPlainTemplates(f *testing.F) {
	for seed := range 20 {
		choices := make([]byte, 200)
		rand.New(rand.NewSource(int64(seed))).Read(choices)
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		next := 0
		g := generator{draw: func(n int) int {
			if next >= min(len(choices), 300) {
				return 0
			}
			next++
			return int(choices[next-1]) % n
		}}
		s := newSite(t, "")
		compare(t, s.frags, g.set())
	})
}
