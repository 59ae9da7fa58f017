package fragment

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"sync"

	"github.com/echoic-go/echoic/cache/live"
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
		{`{{define "p"}}<p>{{live "h"}}{{live "t"}}</p><a title="{{live "t"}}">{{end}}`, true},
		{`{{define "p"}}<a title="{{live "h"}}">{{end}}`, false},
		{`{{define "p"}}<a title={{live "t"}}>{{end}}`, false},
		{`{{define "p"}}<a {{live "t"}}>{{end}}`, false},
		{`{{define "p"}}<a onclick="{{live "t"}}">{{end}}`, false},
		{`{{define "p"}}<a style="{{live "t"}}">{{end}}`, false},
		{`{{define "p"}}<script>{{live "t"}}</script>{{end}}`, false},
		{`{{define "p"}}<style>{{live "t"}}</style>{{end}}`, false},
		{`{{define "p"}}<title>{{live "h"}}</title>{{end}}`, false},
		{`{{define "p"}}<!-- {{live "t"}} -->{{end}}`, false},
		{`{{define "h"}}{{live "h"}}{{end}}{{define "p"}}<p>{{template "h"}}<a title="{{template "h"}}"></p>{{end}}`, false},
		{`{{define "p"}}<p title="{{if cache "b" 1}}{{.}}{{end}}">{{end}}`, false},
		{`{{define "p"}}<p {{if cache "b" 1}}{{.}}{{end}}>{{end}}`, false},
		{`{{define "p"}}<script>{{if cache "b" 1}}{{.}}{{end}}</script>{{end}}`, false},
		{`{{define "p"}}<!-- {{if cache "b" 1}}{{.}}{{end}} -->{{end}}`, false},
		{`{{define "p"}}<textarea>{{if cache "b" 1}}{{.}}{{end}}</textarea>{{end}}`, false},
	}
	probes, err := live.New(live.Config{})
	for name, kind := range map[string]live.Kind{"t": live.Token, "h": live.HTML} {
		err = errors.Join(err, probes.Live(name, kind, func(context.Context) (string, error) { return "", nil }))
	}
	if err != nil {
		return fmt.Errorf("fragment: self-test: %w", err)
	}
	for _, c := range cases {
		set, err := template.New("").Funcs(Funcs()).Parse(c.src)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrUnsupportedGo, c.src, err)
		}
		if _, err = compile(set, nil, probes); (err == nil) != c.good {
			return fmt.Errorf("%w: %s: got %v", ErrUnsupportedGo, c.src, err)
		}
	}
	return nil
})
