package quotes_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/example-app/internal/databasetest"
	"github.com/echoic-go/echoic/example-app/internal/quotes"
)

// Starters that arrive at once fill the tables once, and later ones not again.
func TestPrepareConcurrently(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db databasetest.Opener) {
		c := &clock{at: noon}
		const starters = 6
		results := make(chan bool, starters)
		for range starters {
			r := open(t, db, c)
			go func() {
				did, err := r.Prepare(t.Context(), collection(t))
				if err != nil {
					t.Error(err)
				}
				results <- did
			}()
		}
		times := 0
		for range starters {
			if <-results {
				times++
			}
		}
		if times != 1 {
			t.Errorf("%d of %d starters filled the tables, want 1", times, starters)
		}
		r := open(t, db, c)
		p, err := r.Search(t.Context(), "e", 1)
		if err != nil || p.Total != len(collection(t).Quotes) {
			t.Errorf("%d quotations (%v), want %d", p.Total, err, len(collection(t).Quotes))
		}
	})
}

func TestQuote(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db databasetest.Opener) {
		r, _ := filled(t, db)
		for _, want := range collection(t).Quotes {
			got, err := r.Quote(t.Context(), want.ID)
			if err != nil {
				t.Fatal(err)
			}
			if got.Text != want.Text || got.Author.Slug != want.Author || got.Author.Name == "" || got.Work != want.Work ||
				got.Locator != want.Locator || got.Translator != want.Translator || got.Year != want.Year || !slices.Equal(got.Topics, want.Topics) {
				t.Fatalf("got %+v, want %+v", got, want)
			}
		}
		for _, id := range []string{"", "none", "a\x00b", "../x", "É", "'; DROP TABLE motivational_quotes; --", strings.Repeat("x", 5000)} {
			if _, err := r.Quote(t.Context(), id); !errors.Is(err, quotes.ErrNotFound) {
				t.Errorf("Quote(%.20q): %v, want ErrNotFound", id, err)
			}
		}
	})
}

// Both databases give every list in the same order.
func TestOrderIsTheSameOnBoth(t *testing.T) {
	t.Parallel()
	lists := map[string]map[string][]string{}
	read := func(t *testing.T, db databasetest.Opener) map[string][]string {
		r, _ := filled(t, db)
		must := func(all []quotes.Quote, err error) []string {
			t.Helper()
			if err != nil || len(all) == 0 {
				t.Fatalf("%d quotations, %v", len(all), err)
			}
			return ids(all)
		}
		page := func(p quotes.Page, err error) []string { return must(p.Quotes, err) }
		out := map[string][]string{
			"latest":  must(r.Latest(t.Context(), 12)),
			"changed": must(r.Changed(t.Context(), 12)),
			"author":  must(r.ByAuthor(t.Context(), "seneca")),
			"topic 1": page(r.ByTopic(t.Context(), "work", 1)),
			"topic 2": page(r.ByTopic(t.Context(), "work", 2)),
			"search":  page(r.Search(t.Context(), "life", 1)),
		}
		topics, err := r.Topics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		samples, err := r.Samples(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range topics {
			out["topics"] = append(out["topics"], topic.Name+" "+samples[topic.Name].ID)
		}
		authors, err := r.Authors(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range authors {
			out["authors"] = append(out["authors"], a.Slug)
		}
		for day := range 400 {
			q, err := r.Daily(t.Context(), noon.AddDate(0, 0, day))
			if err != nil {
				t.Fatal(err)
			}
			out["daily"] = append(out["daily"], q.ID)
		}
		return out
	}
	lists["SQLite"] = read(t, databasetest.SQLite(t))
	lists["Postgres"] = read(t, databasetest.Postgres(t))
	for name, want := range lists["SQLite"] {
		if got := lists["Postgres"][name]; !slices.Equal(got, want) {
			t.Errorf("%s: Postgres has %v, SQLite %v", name, got, want)
		}
	}
	daily := lists["SQLite"]["daily"]
	if n := len(collection(t).Quotes); len(slices.Compact(slices.Sorted(slices.Values(daily[:n])))) != n {
		t.Errorf("the first %d days repeat a quotation", n)
	}
}

func TestDaily(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db databasetest.Opener) {
		r, c := filled(t, db)
		midnight := noon.Truncate(24 * time.Hour)
		zone := time.FixedZone("", 5*3600)
		first, err := r.Daily(t.Context(), midnight)
		if err != nil {
			t.Fatal(err)
		}
		c.Set(midnight.Add(time.Hour))
		if _, err := r.Insert(t.Context(), sound()); err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Time{noon, noon.In(zone), midnight.Add(24*time.Hour - 1)} {
			if q, err := r.Daily(t.Context(), at); err != nil || q.ID != first.ID {
				t.Errorf("at %v: %s, %v, want %s as at midnight", at, q.ID, err, first.ID)
			}
		}
		if next, err := r.Daily(t.Context(), midnight.Add(24*time.Hour)); err != nil || next.ID == first.ID {
			t.Errorf("the next day has %s again (%v)", next.ID, err)
		}
	})
}

func TestLists(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db databasetest.Opener) {
		r, _ := filled(t, db)
		authors, err := r.Authors(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, a := range authors {
			mine, err := r.ByAuthor(t.Context(), a.Slug)
			if err != nil || len(mine) != a.Quotes || a.Quotes == 0 {
				t.Errorf("%s: %d quotations, counted %d, %v", a.Slug, len(mine), a.Quotes, err)
			}
			one, err := r.Author(t.Context(), a.Slug)
			if err != nil || one != a {
				t.Errorf("Author(%s) = %+v, %v, want %+v", a.Slug, one, err, a)
			}
			sum += a.Quotes
		}
		if sum != len(collection(t).Quotes) {
			t.Errorf("authors have %d quotations, the collection %d", sum, len(collection(t).Quotes))
		}
		if _, err := r.Author(t.Context(), "nobody"); !errors.Is(err, quotes.ErrNotFound) {
			t.Errorf("unknown author: %v", err)
		}
		topics, err := r.Topics(t.Context())
		if err != nil || len(topics) != 12 {
			t.Fatalf("%d topics, %v", len(topics), err)
		}
		samples, err := r.Samples(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range topics {
			if sample := samples[topic.Name]; sample.ID == "" || sample.Topics[0] != topic.Name {
				t.Errorf("topic %s has the sample %q", topic.Name, sample.ID)
			}
			all := 0
			for n := 1; ; n++ {
				p, err := r.ByTopic(t.Context(), topic.Name, n)
				if err != nil {
					t.Fatal(err)
				}
				all += len(p.Quotes)
				if n == p.Last {
					break
				}
			}
			if all != topic.Quotes {
				t.Errorf("topic %s: %d on its pages, counted %d", topic.Name, all, topic.Quotes)
			}
		}
		for _, n := range []int{0, -1, 999} {
			if _, err := r.ByTopic(t.Context(), "work", n); !errors.Is(err, quotes.ErrNotFound) {
				t.Errorf("page %d: %v, want ErrNotFound", n, err)
			}
		}
	})
}

func TestSearch(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db databasetest.Opener) {
		r, c := filled(t, db)
		c.Set(noon.Add(time.Minute))
		odd := sound()
		odd.Text = `Give 100% of a_b and of c\d, “quoted” — he said.`
		if _, err := r.Insert(t.Context(), odd); err != nil {
			t.Fatal(err)
		}
		tests := map[string]struct {
			query string
			finds bool
			only  bool // just the odd one
		}{
			"author":             {"Marcus Aurelius", true, false},
			"case and accents":   {"BRONTE", true, false},
			"typed apostrophe":   {"men's", true, false},
			"work":               {"dhammapada", true, false},
			"words in any order": {"aurelius marcus", true, false},
			"percent":            {"100%", true, true},
			"percent alone":      {"%", true, true},
			"underscore":         {"a_b", true, true},
			"underscore alone":   {"_", true, true},
			"backslash":          {`c\d`, true, true},
			"quotation mark":     {`"quoted"`, true, true},
			"dash":               {"- he", true, false},
			"wildcards":          {"m%us", false, false},
			"nothing":            {"", false, false},
			"blank":              {" \t\n", false, false},
			"control characters": {"\x00\x01", false, false},
			"broken text":        {"\xff\xfe", false, false},
			"injection":          {"' OR 1=1 --", false, false},
			"very long":          {strings.Repeat("wisdom and ", 500), true, false},
		}
		for name, tt := range tests {
			p, err := r.Search(t.Context(), tt.query, 1)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if (p.Total > 0) != tt.finds || (tt.only && p.Total != 1) || p.Last < 1 {
				t.Errorf("%s: found %d", name, p.Total)
			}
		}
		if _, err := r.Search(t.Context(), "marcus", 50); !errors.Is(err, quotes.ErrNotFound) {
			t.Errorf("page 50: %v", err)
		}
	})
}

func TestByIDsAndRandom(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db databasetest.Opener) {
		r, _ := filled(t, db)
		all := collection(t).Quotes
		want := []string{all[200].ID, all[3].ID, all[77].ID}
		got, err := r.ByIDs(t.Context(), []string{want[0], "none", want[1], "a\x00", want[2]})
		if err != nil || !slices.Equal(ids(got), want) {
			t.Errorf("%v, %v, want %v", ids(got), err, want)
		}
		if got, err := r.ByIDs(t.Context(), nil); err != nil || len(got) != 0 {
			t.Errorf("no IDs: %v, %v", got, err)
		}
		seen := map[string]bool{}
		for range 20 {
			q, err := r.Random(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen[q.ID] = true
		}
		if len(seen) < 5 {
			t.Errorf("20 random quotations were only %d", len(seen))
		}
	})
}
