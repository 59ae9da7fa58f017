package session_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/echoic-go/echoic/session"
)

func TestPrivateControl(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lines []string
		want  string
	}{
		"none":               {nil, "private, no-cache"},
		"empty":              {[]string{""}, "private, no-cache"},
		"public":             {[]string{"public"}, "private, no-cache"},
		"public and age":     {[]string{"Public, max-age=60"}, "private, max-age=60"},
		"shared age":         {[]string{"max-age=60, S-MaxAge=600"}, "private, max-age=60"},
		"two lines":          {[]string{"public", "max-age=60"}, "private, max-age=60"},
		"private stays":      {[]string{"private, max-age=60"}, "private, max-age=60"},
		"any case":           {[]string{"PRIVATE"}, "PRIVATE"},
		"some fields only":   {[]string{`private="Set-Cookie, X", max-age=60`}, "private, max-age=60"},
		"no-store stays":     {[]string{"no-store"}, "no-store"},
		"no-store, public":   {[]string{"public, no-store"}, "no-store"},
		"no-cache":           {[]string{"no-cache"}, "private, no-cache"},
		"of scs":             {[]string{`no-cache="Set-Cookie"`}, `private, no-cache="Set-Cookie"`},
		"quoted comma":       {[]string{`ext="a, public, b", public`}, `private, ext="a, public, b"`},
		"never closed quote": {[]string{`ext="a, public`}, `private, ext="a, public`},
		"escaped quote":      {[]string{`ext="a\", public", public`}, `private, ext="a\", public"`},
	}
	for name, test := range tests {
		if got := session.PrivateControl(test.lines); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// FuzzPrivateControl: a shared cache that reads the result may not store it.
func FuzzPrivateControl(f *testing.F) {
	for _, seed := range []string{"public", "private", `private="x"`, "no-store", `a="b`, "s-maxage=1,public", "max-age=1", `"`, `\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := session.PrivateControl([]string{line})
		first := strings.ToLower(got)
		forbids := strings.HasPrefix(first, "private") || strings.Contains(first, "no-store") || strings.Contains(first, "private")
		if !forbids {
			t.Errorf("%q becomes %q", line, got)
		}
	})
}

func TestPresented(t *testing.T) {
	t.Parallel()
	token := strings.Repeat("aZ9-_", 8) + "abc"
	other := strings.Repeat("b", 43)
	tests := map[string]struct {
		lines []string
		want  string
	}{
		"none":              {nil, ""},
		"alone":             {[]string{"session=" + token}, token},
		"among others":      {[]string{"a=b; session=" + token + "; c=d"}, token},
		"on a second line":  {[]string{"a=b", "session=" + token}, token},
		"spaces":            {[]string{" a=b ;  session=" + token + " "}, token},
		"quoted":            {[]string{`session="` + token + `"`}, token},
		"another name":      {[]string{"xsession=" + token, "session2=" + token, "Session=" + token}, ""},
		"no value":          {[]string{"session", "session="}, ""},
		"malformed first":   {[]string{"session=planted; session=" + token}, token},
		"two":               {[]string{"session=" + token + "; session=" + other}, token},
		"one byte too long": {[]string{"session=" + token + "x"}, ""},
		"padding":           {[]string{"session=" + token[:42] + "="}, ""},
	}
	for name, test := range tests {
		if got := session.Presented(test.lines, "session"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// FuzzPresented: where net/http finds a well-formed token, so do we, and what we
// find is one.
func FuzzPresented(f *testing.F) {
	token := strings.Repeat("aZ9-_", 8) + "abc"
	for _, seed := range []string{"session=" + token, `a=b; session="` + token + `"`, "session=x; session=" + token, ";;=;session=;", " session = " + token} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := session.Presented([]string{line}, "session")
		if got != "" && !session.WellFormed(got) {
			t.Fatalf("%q gives %q", line, got)
		}
		r := http.Request{Header: http.Header{"Cookie": {line}}}
		if cookie, err := r.Cookie("session"); err == nil && session.WellFormed(cookie.Value) && got != cookie.Value {
			t.Errorf("%q gives %q, net/http %q", line, got, cookie.Value)
		}
	})
}
