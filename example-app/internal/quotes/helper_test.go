package quotes_test

import (
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/example-app/internal/databasetest"
	"github.com/echoic-go/echoic/example-app/internal/quotes"
)

var noon = time.Date(2026, time.November, 12, 12, 0, 0, 0, time.UTC)

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func open(t *testing.T, db databasetest.Opener, c *clock) *quotes.Repository {
	t.Helper()
	r, err := quotes.New(quotes.Config{DB: db(), Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func collection(t testing.TB) quotes.Collection {
	t.Helper()
	c, err := quotes.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// filled returns a repository with the built-in collection.
func filled(t *testing.T, db databasetest.Opener) (*quotes.Repository, *clock) {
	t.Helper()
	c := &clock{at: noon}
	r := open(t, db, c)
	if _, err := r.Prepare(t.Context(), collection(t)); err != nil {
		t.Fatal(err)
	}
	return r, c
}

func ids(all []quotes.Quote) []string {
	out := make([]string, len(all))
	for i, q := range all {
		out[i] = q.ID
	}
	return out
}
