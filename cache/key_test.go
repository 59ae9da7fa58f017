package cache

import (
	"errors"
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestKeyNames(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"quote:7":       "quote:7",
		"a b":           "a%20b",
		"100%":          "100%25",
		"über":          "%C3%BCber",
		"a\nb":          "a%0Ab",
		"user@host":     "user@host",
		"*?[]\\":        "*?[]\\",
		"quotes/latest": "quotes/latest",
	}
	for key, want := range tests {
		if got := keyName(key); got != want {
			t.Errorf("keyName(%q) = %q, want %q", key, got, want)
		}
		if back, ok := unescapeName(want); !ok || back != key {
			t.Errorf("unescapeName(%q) = %q, %v", want, back, ok)
		}
	}
	long := strings.Repeat("x", 300)
	if a, b := keyName(long+"a"), keyName(long+"b"); a == b || len(a) > longName || !strings.HasPrefix(a, long[:headName]) {
		t.Errorf("long names: %q, %q", a, b)
	}
}

func TestKeyErrors(t *testing.T) {
	t.Parallel()
	for key, bad := range map[string]bool{"": true, "a\x00b": true, "\xff": true, strings.Repeat("x", MaxKeyBytes+1): true, strings.Repeat("x", MaxKeyBytes): false, " ": false} {
		err := checkKey(key)
		if (err != nil) != bad || (bad && !errors.Is(err, ErrInvalidKey)) {
			t.Errorf("checkKey(%.20q): %v", key, err)
		}
		if bad && len(err.Error()) > 300 {
			t.Errorf("the error has %d bytes", len(err.Error()))
		}
	}
}

func FuzzKeyName(f *testing.F) {
	f.Add("a", "b")
	f.Add("a%41", "aA")
	f.Add(strings.Repeat("ü", 100), strings.Repeat("ü", 101))
	f.Fuzz(func(t *testing.T, a, b string) {
		if checkKey(a) != nil || checkKey(b) != nil {
			return
		}
		if (keyName(a) == keyName(b)) != (a == b) {
			t.Fatalf("%q and %q have the names %q and %q", a, b, keyName(a), keyName(b))
		}
		if n := keyName(a); len(n) > longName || strings.ContainsAny(n, " \n\x00") {
			t.Fatalf("name %q", n)
		}
	})
}

func TestFramedKeys(t *testing.T) {
	t.Parallel()
	if NewKey("a", "b") == NewKey("ab") || NewKey("a", "") == NewKey("a") || NewKey("a").With("b") != NewKey("a", "b") {
		t.Error("fields run into each other")
	}
	if got := NewKey("x", "", "yz").Fields(); len(got) != 3 || got[2] != "yz" {
		t.Errorf("Fields: %q", got)
	}
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	for prefix, good := range map[string]bool{
		"motivational_app": true, "a:b": true, "a.b-c_d": true, "site:2": true,
		"": false, ":a": false, "a:": false, "a::b": false, "a:v": false, "v": false, "a:p:b": false, "a b": false, "a*": false, "ü": false, strings.Repeat("a", 101): false,
	} {
		if err := checkPrefix(prefix); (err == nil) != good {
			t.Errorf("checkPrefix(%q): %v", prefix, err)
		}
	}
	for rest, entry := range map[string]bool{"1:v:x": true, "12:v:": true, "p:abc": true, "f:abc": true, "t:abc": false, "t:gen": false, "l:x": false, "b:1:v:x": false, "1:x": false, "x": false, ":v:x": false} {
		if isEntry(rest) != entry {
			t.Errorf("isEntry(%q) is %v", rest, !entry)
		}
	}
}

func TestGlob(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true}, {"*", "a:b/c", true}, {"", "", true}, {"", "a", false},
		{"quote:*", "quote:7", true}, {"quote:*", "quotes:7", false}, {"*:7", "a:b:7", true}, {"a*b*c", "aXbYbZc", true}, {"a*b*c", "aXc", false},
		{"?", "ü", true}, {"?", "", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"[a-c]x", "bx", true}, {"[a-c]x", "dx", false}, {"[^a-c]x", "dx", true}, {"[^a-c]x", "ax", false}, {"[]x", "[]x", false}, {"[a", "[a", true},
		{`\*`, "*", true}, {`\*`, "a", false}, {`a\`, `a\`, true}, {`[\]]`, "]", true},
	}
	for _, tt := range tests {
		if got := matchGlob(tt.pattern, tt.s); got != tt.want {
			t.Errorf("matchGlob(%q, %q) = %v", tt.pattern, tt.s, got)
		}
	}
	// Polynomial, not exponential.
	if matchGlob(strings.Repeat("a*", 50)+"b", strings.Repeat("a", 4000)) {
		t.Error("matched")
	}
	for pattern, want := range map[string]string{"quote:*": "quote:", `a\*b*`: "a*b", "*": "", "abc": "abc", "a[b]": "a", `a\`: `a`} {
		if got := literalPrefix(pattern); got != want {
			t.Errorf("literalPrefix(%q) = %q, want %q", pattern, got, want)
		}
	}
}

// The standard library's matcher is the model where both mean the same.
func FuzzGlob(f *testing.F) {
	f.Add("a*b?c", "aXXbYc")
	f.Add("*a*", "bab")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		got := matchGlob(pattern, s)
		if got && !strings.HasPrefix(s, literalPrefix(pattern)) && !strings.HasSuffix(pattern, `\`) {
			t.Fatalf("%q matches %q, which does not start with %q", s, pattern, literalPrefix(pattern))
		}
		if strings.ContainsAny(pattern, `[\`) || strings.ContainsRune(s, '/') || !utf8.ValidString(pattern) || !utf8.ValidString(s) {
			return
		}
		if want, err := path.Match(pattern, s); err == nil && want != got {
			t.Fatalf("matchGlob(%q, %q) = %v, path.Match says %v", pattern, s, got, want)
		}
	})
}
