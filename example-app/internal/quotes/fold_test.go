package quotes_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/echoic-go/echoic/example-app/internal/quotes"
)

func ExampleFold() {
	fmt.Println(quotes.Fold("Charlotte  Brontë’s “Villette”"))
	// Output: charlotte bronte's "villette"
}

func ExampleHighlight() {
	for _, s := range quotes.Highlight("Brontë wrote", []string{"bronte"}) {
		fmt.Printf("%q %v\n", s.Text, s.Match)
	}
	// Output:
	// "Brontë" true
	// " wrote" false
}

func TestTerms(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query string
		want  []string
	}{
		"words":       {"Love  LIFE love", []string{"love", "life"}},
		"controls":    {"a\x00b\nc", []string{"a", "b", "c"}},
		"broken":      {"a\xffb", []string{"a", "b"}},
		"cut inside":  {strings.Repeat("é", 150), []string{strings.Repeat("e", 100)}},
		"eight terms": {"1 2 3 4 5 6 7 8 9 10", []string{"1", "2", "3", "4", "5", "6", "7", "8"}},
		"none":        {" ", nil},
	}
	for name, tt := range tests {
		if got := quotes.Terms(tt.query); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// Whatever is highlighted, the text stays what it was, and in whole characters.
func FuzzHighlight(f *testing.F) {
	f.Add("Brontë’s ﬁne “life”", "life bronte")
	f.Add("e\u0301\u0301x", "e x")
	f.Fuzz(func(t *testing.T, text, query string) {
		text = strings.ToValidUTF8(text, "") // as the tables hold it
		var b strings.Builder
		for _, s := range quotes.Highlight(text, quotes.Terms(query)) {
			if s.Text == "" || !utf8.ValidString(s.Text) {
				t.Errorf("segment %q", s.Text)
			}
			b.WriteString(s.Text)
		}
		if b.String() != text {
			t.Errorf("%q became %q", text, b.String())
		}
	})
}

func TestIsSlug(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"bacon-end": true, "7": true, "": false, "A": false, "a b": false, "a/b": false, "é": false, "a\x00": false, strings.Repeat("a", 81): false,
	} {
		if quotes.IsSlug(s) != want {
			t.Errorf("IsSlug(%q) = %v", s, !want)
		}
	}
}
