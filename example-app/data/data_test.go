package data_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/echoic-go/echoic/example-app/data"
)

const (
	minQuotes   = 150
	minText     = 20
	maxText     = 400
	maxTopics   = 3
	minTopicUse = 10
)

var (
	slug = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	// A place is a number (chapter, verse, line, date), a titled part, or a part
	// that has a name instead of a number.
	place = regexp.MustCompile(`\d|“[^“”]+”|^Finale$|^Dedication\b`)
)

func load(t *testing.T) ([]data.Author, []data.Quote) {
	t.Helper()
	authors, err := data.Authors()
	if err != nil {
		t.Fatalf("Authors: %v", err)
	}
	quotes, err := data.Quotes()
	if err != nil {
		t.Fatalf("Quotes: %v", err)
	}
	return authors, quotes
}

// plain says what is wrong with a text that is shown to readers, or nothing.
func plain(s string) string {
	switch {
	case s == "":
		return "is empty"
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "contains a control character"
	case strings.ContainsAny(s, `"'<>`+"`"):
		return "contains a straight quotation mark or markup"
	case strings.Contains(s, "--") || strings.Contains(s, "...") || strings.Contains(s, "  "):
		return "contains typewriter punctuation or a double space"
	case strings.TrimSpace(s) != s:
		return "has white space at an end"
	case strings.Count(s, "“") != strings.Count(s, "”"):
		return "has unbalanced quotation marks"
	}
	return ""
}

func TestAuthors(t *testing.T) {
	t.Parallel()
	authors, quotes := load(t)
	used := map[string]int{}
	for _, q := range quotes {
		used[q.Author]++
	}
	seen, names := map[string]bool{}, map[string]bool{}
	for _, a := range authors {
		if !slug.MatchString(a.Slug) || seen[a.Slug] {
			t.Errorf("author %q: slug is malformed or taken", a.Slug)
		}
		if names[a.Name] {
			t.Errorf("author %q: name %q is taken", a.Slug, a.Name)
		}
		seen[a.Slug], names[a.Name] = true, true
		for field, s := range map[string]string{"name": a.Name, "lived": a.Lived, "bio": a.Bio} {
			if fault := plain(s); fault != "" {
				t.Errorf("author %q: %s %q %s", a.Slug, field, s, fault)
			}
		}
		if !strings.HasSuffix(a.Bio, ".") {
			t.Errorf("author %q: bio %q is not a sentence", a.Slug, a.Bio)
		}
		if used[a.Slug] == 0 {
			t.Errorf("author %q has no quotation", a.Slug)
		}
	}
	for author := range used {
		if !seen[author] {
			t.Errorf("quotations name author %q, who is not listed", author)
		}
	}
}

func TestQuotesHaveDistinctIDsAndTexts(t *testing.T) {
	t.Parallel()
	_, quotes := load(t)
	if len(quotes) < minQuotes {
		t.Errorf("%d quotations, want at least %d", len(quotes), minQuotes)
	}
	ids, texts := map[string]bool{}, map[string]string{}
	for _, q := range quotes {
		if !slug.MatchString(q.ID) || ids[q.ID] {
			t.Errorf("quote %q: id is malformed or taken", q.ID)
		}
		ids[q.ID] = true
		key := strings.ToLower(q.Text)
		if other, ok := texts[key]; ok {
			t.Errorf("quote %q has the text of %q", q.ID, other)
		}
		texts[key] = q.ID
	}
}

func TestQuoteFields(t *testing.T) {
	t.Parallel()
	_, quotes := load(t)
	thisYear := time.Now().Year()
	for _, q := range quotes {
		fields := map[string]string{"text": q.Text, "work": q.Work, "locator": q.Locator}
		if q.Translator != "" {
			fields["translator"] = q.Translator
		}
		for field, s := range fields {
			if fault := plain(s); fault != "" {
				t.Errorf("quote %q: %s %q %s", q.ID, field, s, fault)
			}
		}
		if n := utf8.RuneCountInString(q.Text); n < minText || n > maxText {
			t.Errorf("quote %q: text has %d characters, want %d to %d", q.ID, n, minText, maxText)
		}
		if !place.MatchString(q.Locator) {
			t.Errorf("quote %q: locator %q names no place in the work", q.ID, q.Locator)
		}
		if q.Year < 1500 || q.Year > thisYear {
			t.Errorf("quote %q: year %d is not that of a printed work", q.ID, q.Year)
		}
	}
}

func TestTopics(t *testing.T) {
	t.Parallel()
	_, quotes := load(t)
	topics := data.Topics()
	use := map[string]int{}
	for _, q := range quotes {
		if n := len(q.Topics); n < 1 || n > maxTopics {
			t.Errorf("quote %q: %d topics, want 1 to %d", q.ID, n, maxTopics)
		}
		for i, topic := range q.Topics {
			if !slices.Contains(topics, topic) {
				t.Errorf("quote %q: unknown topic %q", q.ID, topic)
			}
			if slices.Contains(q.Topics[:i], topic) {
				t.Errorf("quote %q: topic %q twice", q.ID, topic)
			}
			use[topic]++
		}
	}
	for _, topic := range topics {
		if use[topic] < minTopicUse {
			t.Errorf("topic %q has %d quotations, want at least %d", topic, use[topic], minTopicUse)
		}
	}
}

func TestQuotesFollowTheOrderOfAuthors(t *testing.T) {
	t.Parallel()
	authors, quotes := load(t)
	want := make([]string, 0, len(authors))
	for _, a := range authors {
		want = append(want, a.Slug)
	}
	got := make([]string, 0, len(quotes))
	for _, q := range quotes {
		got = append(got, q.Author)
	}
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("quotations are grouped as %v, want %v", got, want)
	}
}

func TestCallersOwnTheResult(t *testing.T) {
	t.Parallel()
	_, first := load(t)
	id := first[0].ID
	first[0].ID, first[0].Topics[0] = "changed", "changed"
	_, second := load(t)
	if second[0].ID != id || second[0].Topics[0] == "changed" {
		t.Error("a change of one result shows in the next")
	}
}

func ExampleQuotes() {
	quotes, err := data.Quotes()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, q := range quotes {
		if q.ID == "seneca-nothing-ours-except-time" {
			fmt.Println(q.Text)
			fmt.Printf("%s, %s, translated by %s (%d)\n", q.Work, q.Locator, q.Translator, q.Year)
		}
	}
	// Output:
	// Nothing, Lucilius, is ours, except time.
	// Moral Letters to Lucilius, Letter 1, section 3, translated by Richard M. Gummere (1917)
}
