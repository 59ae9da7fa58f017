package fragment

import (
	"fmt"
	"html/template"
	"sync"
)

// selfTest makes sure that the running html/template shows contexts as
// checkContexts reads them: some sets that must be accepted and some that must
// be refused.
var selfTest = sync.OnceValue(func() error {
	const inner = `{{define "s"}}{{if cache "a" 1}}{{.}}{{end}}{{end}}`
	cases := []struct {
		src  string
		good bool
	}{
		{inner + `{{define "p"}}<p>{{template "s" .}}</p>{{end}}`, true},
		{`{{define "p"}}<p>{{if cache "a" 1}}<a title="{{.}}"></a>{{end}}</p>{{end}}`, true},
		{inner + `{{define "p"}}<a title="{{template "s" .}}">{{end}}`, false},
		{inner + `{{define "p"}}<script>{{template "s" .}}</script>{{end}}`, false},
		{inner + `{{define "p"}}<style>{{template "s" .}}</style>{{end}}`, false},
		{inner + `{{define "p"}}<title>{{template "s" .}}</title>{{end}}`, false},
		{`{{define "p"}}<p title="{{if cache "b" 1}}{{.}}{{end}}">{{end}}`, false},
		{`{{define "p"}}<p {{if cache "b" 1}}{{.}}{{end}}>{{end}}`, false},
		{`{{define "p"}}<script>{{if cache "b" 1}}{{.}}{{end}}</script>{{end}}`, false},
		{`{{define "p"}}<!-- {{if cache "b" 1}}{{.}}{{end}} -->{{end}}`, false},
		{`{{define "p"}}<textarea>{{if cache "b" 1}}{{.}}{{end}}</textarea>{{end}}`, false},
	}
	for _, c := range cases {
		set, err := template.New("").Funcs(Funcs()).Parse(c.src)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrUnsupportedGo, c.src, err)
		}
		if _, err = compile(set, nil); (err == nil) != c.good {
			return fmt.Errorf("%w: %s: got %v", ErrUnsupportedGo, c.src, err)
		}
	}
	return nil
})
