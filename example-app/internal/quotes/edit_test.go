package quotes_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/example-app/internal/databasetest"
	"github.com/echoic-go/echoic/example-app/internal/quotes"
)

// sound is a quotation that can be added.
func sound() quotes.Quote {
	return quotes.Quote{
		Author: quotes.AuthorRef{Slug: "seneca"},
		Text:   "The sun also shines on the wicked.",
		Work:   "On Benefits", Locator: "Book 3, chapter 25", Translator: "Aubrey Stewart", Year: 1887,
		Topics: []string{"nature", "wisdom"},
	}
}

func TestInsert(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db databasetest.Opener) {
		r, c := filled(t, db)
		c.Set(noon.Add(time.Hour))
		first, err := r.Insert(t.Context(), sound())
		if err != nil {
			t.Fatal(err)
		}
		if first.ID != "seneca-the-sun-also-shines-on" || first.Author.Name != "Seneca" || !first.CreatedAt.Equal(noon.Add(time.Hour)) {
			t.Errorf("inserted %+v", first)
		}
		stored, err := r.Quote(t.Context(), first.ID)
		if err != nil || !slices.Equal(stored.Topics, first.Topics) || stored.Text != first.Text || !stored.UpdatedAt.Equal(first.UpdatedAt) {
			t.Errorf("stored %+v, %v, want %+v", stored, err, first)
		}
		if latest, err := r.Latest(t.Context(), 1); err != nil || latest[0].ID != first.ID {
			t.Errorf("latest is %v, %v", ids(latest), err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[string]bool{}
		for range 8 {
			wg.Go(func() {
				q, err := r.Insert(t.Context(), sound())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				got[q.ID] = true
			})
		}
		wg.Wait()
		if len(got) != 8 || got[first.ID] || !got[first.ID+"-9"] {
			t.Errorf("eight insertions at once made %v", got)
		}
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db databasetest.Opener) {
		r, c := filled(t, db)
		before, err := r.Quote(t.Context(), "bacon-end-in-certainties")
		if err != nil {
			t.Fatal(err)
		}
		c.Set(noon.Add(time.Hour))
		edit := before
		edit.Text = "  A line \n of Verse / and\tanother Zanzibar  "
		edit.Author.Slug, edit.Topics = "plato", []string{"hope"}
		after, err := r.Update(t.Context(), edit)
		if err != nil {
			t.Fatal(err)
		}
		if after.Text != "A line of Verse / and another Zanzibar" || after.Author.Name != "Plato" || !slices.Equal(after.Topics, []string{"hope"}) ||
			!after.UpdatedAt.Equal(noon.Add(time.Hour)) || !after.CreatedAt.Equal(before.CreatedAt) {
			t.Errorf("changed to %+v", after)
		}
		if p, err := r.Search(t.Context(), "zanzibar plato", 1); err != nil || p.Total != 1 {
			t.Errorf("search finds %d, %v", p.Total, err)
		}
		if changed, err := r.Changed(t.Context(), 1); err != nil || changed[0].ID != before.ID {
			t.Errorf("changed last: %v, %v", ids(changed), err)
		}
		if _, err := r.Update(t.Context(), edit); !errors.Is(err, quotes.ErrConflict) {
			t.Errorf("an edit of the old version: %v, want ErrConflict", err)
		}
		// A clock that stands still, or goes back, still gives a new version.
		c.Set(noon)
		again, err := r.Update(t.Context(), after)
		if err != nil || !again.UpdatedAt.After(after.UpdatedAt) {
			t.Errorf("version %v after %v, %v", again.UpdatedAt, after.UpdatedAt, err)
		}
		edit.ID = "none"
		if _, err := r.Update(t.Context(), edit); !errors.Is(err, quotes.ErrNotFound) {
			t.Errorf("unknown ID: %v, want ErrNotFound", err)
		}
	})
}

// Of edits of one version exactly one wins.
func TestUpdateRace(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db databasetest.Opener) {
		r, c := filled(t, db)
		other := open(t, db, c)
		q, err := r.Quote(t.Context(), "bacon-end-in-certainties")
		if err != nil {
			t.Fatal(err)
		}
		var won, lost atomic.Int64
		var wg sync.WaitGroup
		for i := range 10 {
			edit := q
			edit.Text += strings.Repeat("!", i+1)
			wg.Go(func() {
				_, err := []*quotes.Repository{r, other}[i%2].Update(t.Context(), edit)
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, quotes.ErrConflict):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 9 {
			t.Errorf("%d edits won, %d lost, want 1 and 9", won.Load(), lost.Load())
		}
	})
}

func TestInvalid(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db databasetest.Opener) {
		r, _ := filled(t, db)
		tests := map[string]struct {
			change func(*quotes.Quote)
			fields []string
		}{
			"empty text":      {func(q *quotes.Quote) { q.Text = " \n / " }, []string{"text"}},
			"long text":       {func(q *quotes.Quote) { q.Text = strings.Repeat("é", quotes.MaxText+1) }, []string{"text"}},
			"no work":         {func(q *quotes.Quote) { q.Work = "\x00" }, []string{"work"}},
			"long locator":    {func(q *quotes.Quote) { q.Locator = strings.Repeat("x", 201) }, []string{"locator"}},
			"future":          {func(q *quotes.Quote) { q.Year = 2027 }, []string{"year"}},
			"unknown author":  {func(q *quotes.Quote) { q.Author.Slug = "nobody" }, []string{"author"}},
			"no topic":        {func(q *quotes.Quote) { q.Topics = nil }, []string{"topics"}},
			"unknown topic":   {func(q *quotes.Quote) { q.Topics = []string{"cats"} }, []string{"topics"}},
			"twice a topic":   {func(q *quotes.Quote) { q.Topics = []string{"hope", "hope"} }, []string{"topics"}},
			"too many topics": {func(q *quotes.Quote) { q.Topics = []string{"hope", "work", "time", "wisdom"} }, []string{"topics"}},
			"several":         {func(q *quotes.Quote) { *q = quotes.Quote{} }, []string{"text", "work", "author", "topics"}},
		}
		for name, tt := range tests {
			q := sound()
			tt.change(&q)
			_, err := r.Insert(t.Context(), q)
			var invalid *quotes.InvalidError
			if !errors.As(err, &invalid) || !errors.Is(err, quotes.ErrInvalid) {
				t.Errorf("%s: %v, want an InvalidError", name, err)
				continue
			}
			for _, field := range tt.fields {
				if invalid.Fields[field] == "" {
					t.Errorf("%s: nothing is said about %s: %v", name, field, err)
				}
			}
		}
	})
}
