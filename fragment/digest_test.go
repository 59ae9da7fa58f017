package fragment_test

import (
	"html/template"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/fragment"
)

func digest(t *testing.T, src string) string {
	t.Helper()
	set, err := template.New("root").Funcs(fragment.Funcs()).Parse(src)
	must(t, err)
	digests, err := fragment.BlockDigests(set)
	must(t, err)
	return digests[0]
}

func TestDigestKnowsWhatABlockDependsOn(t *testing.T) {
	t.Parallel()
	const base = `{{define "leaf"}}L{{end}}{{define "mid"}}{{template "leaf"}}{{end}}{{define "card"}}C{{end}}{{define "z"}}z{{end}}` +
		`{{define "p"}}{{$n := 1}}{{if cache "a" "1m"}}{{template "mid"}}{{$n}}{{partialCached "card" . "1h"}}{{end}}{{end}}`
	first := digest(t, base)
	equal(t, "the same again", digest(t, base), first)
	for name, c := range map[string]struct {
		old, new string
		changes  bool
	}{
		"unrelated template":        {"z{{end}}", "Z{{end}}", false},
		"comment":                   {"z{{end}}", "z{{/* note */}}{{end}}", false},
		"comment around the block":  {`{{$n := 1}}`, `{{$n := 1}}{{/* note */}}`, false},
		"template two calls away":   {"L{{", "M{{", true},
		"partial by literal name":   {"C{{", "D{{", true},
		"body":                      {`{{template "mid"}}`, `{{template "mid"}}!`, true},
		"variable outside the body": {"$n := 1", "$n := 2", true},
		"time to live":              {"1m", "2m", true},
		"condition":                 {`{{$n}}`, `{{if $n}}{{$n}}{{end}}`, true},
		"string for a field":        {`{{$n}}`, `{{"$n"}}`, true},
	} {
		changed := strings.Replace(base, c.old, c.new, 1)
		if changed == base {
			t.Fatalf("%s: nothing replaced", name)
		}
		if (digest(t, changed) != first) != c.changes {
			t.Errorf("%s: want a new digest: %v", name, c.changes)
		}
	}
}

func TestDigestOfAComputedPartialIsTheWholeSet(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]string{
		"variable": `{{partialCached .T . "1m"}}`, "function": `{{partialCached (print "z") . "1m"}}`,
		"piped": `{{.T | call partialCached}}`, "in an argument": `{{print (partialCached .T . "1m")}}`,
	} {
		src := `{{define "z"}}z{{end}}{{define "p"}}{{if cache "a" "1m"}}` + call + `{{end}}{{end}}`
		if digest(t, src) == digest(t, strings.Replace(src, "z{{end}}", "Z{{end}}", 1)) {
			t.Errorf("%s: a change of a template that may be called was missed", name)
		}
	}
}

func TestCanonicalIsUnambiguous(t *testing.T) {
	t.Parallel()
	read := func(left, right, src string) string {
		set, err := template.New("x").Delims(left, right).Funcs(fragment.Funcs()).Parse(src)
		must(t, err)
		return fragment.Canonical(set.Tree.Root)
	}
	text, action := read("<<", ">>", `{{.X}}`), read("<<", ">>", `<<.X>>`)
	if text == action {
		t.Error("under other delimiters a text reads as an action")
	}
	equal(t, "delimiters do not matter", action, read("{{", "}}", `{{.X}}`))
	seen := map[string]string{}
	for _, src := range []string{
		`a`, `ab`, `{{"a"}}`, `{{print "a"}}`, `{{print "a" "b"}}`, `{{print "a b"}}`, `{{print ("a") "b"}}`, `{{.A.B}}`, `{{(.A).B}}`, `{{$.A.B}}`,
		`{{if .A}}x{{end}}`, `{{if .A}}{{else}}x{{end}}`, `{{with .A}}x{{end}}`, `{{range .A}}x{{end}}`, `{{if .A}}x{{end}}y`, `{{if .A}}xy{{end}}`,
		`{{$x := 1}}{{$x = 2}}`, `{{$x := 1}}{{$x := 2}}`, `{{1}}`, `{{1.0}}`, `{{true}}`, `{{nil | print}}`, `{{.}}`, `{{.A | print}}`, `{{print .A}}`,
		`{{template "a"}}`, `{{template "a" .}}`, `{{range .A}}{{break}}{{end}}`, `{{range .A}}{{continue}}{{end}}`, "{{`a`}}", `{{range $i, $e := .A}}{{end}}`,
		`{{block "a" .}}{{end}}`,
	} {
		c := read("{{", "}}", src)
		if other, taken := seen[c]; taken && !(strings.Contains(src, "block") && strings.Contains(other, "template")) {
			t.Errorf("%s reads the same as %s", src, other)
		}
		seen[c] = src
	}
}
