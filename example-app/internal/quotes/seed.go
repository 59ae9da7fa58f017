package quotes

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/echoic-go/echoic/example-app/data"
)

// collected is when the collection was put together. Its quotations count as
// added then, a minute apart and in mixed order: "recently added" shows several
// authors also before anything was added.
var collected = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// Collection is what an empty database is filled with.
type Collection struct {
	Authors []data.Author
	Quotes  []data.Quote
	Topics  []string
}

// BuiltIn returns the collection that is part of the program.
func BuiltIn() (Collection, error) {
	authors, err := data.Authors()
	if err != nil {
		return Collection{}, err
	}
	all, err := data.Quotes()
	if err != nil {
		return Collection{}, err
	}
	return Collection{Authors: authors, Quotes: all, Topics: data.Topics()}, nil
}

// Prepare creates the tables where they are missing and fills them with c if
// they are empty; it says whether it did. Any number of programs can do this at
// once, and it can be repeated: what is in the database is never overwritten.
func (r *Repository) Prepare(ctx context.Context, c Collection) (filled bool, err error) {
	err = r.db.Alone(ctx, "quotes", func(tx *sql.Tx) error {
		for _, statement := range schema {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("quotes: creating tables: %w", err)
			}
		}
		var present bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM motivational_authors)`).Scan(&present); err != nil {
			return fmt.Errorf("quotes: looking for authors: %w", err)
		}
		filled = !present
		if present {
			return nil
		}
		return fill(ctx, tx, c)
	})
	return filled && err == nil, err
}

func fill(ctx context.Context, tx *sql.Tx, c Collection) error {
	names := map[string]string{}
	for i, a := range c.Authors {
		names[a.Slug] = a.Name
		if _, err := tx.ExecContext(ctx, `INSERT INTO motivational_authors (slug, name, lived, bio, position) VALUES ($1, $2, $3, $4, $5)`,
			a.Slug, a.Name, a.Lived, a.Bio, i); err != nil {
			return fmt.Errorf("quotes: filling in author %s: %w", a.Slug, err)
		}
	}
	for i, name := range c.Topics {
		if _, err := tx.ExecContext(ctx, `INSERT INTO motivational_topics (name, position) VALUES ($1, $2)`, name, i); err != nil {
			return fmt.Errorf("quotes: filling in topic %s: %w", name, err)
		}
	}
	age := mixed(c.Quotes)
	for i, from := range c.Quotes {
		at := collected.Add(-time.Duration(age[from.ID]) * time.Minute)
		q := Quote{
			ID: from.ID, Author: AuthorRef{Slug: from.Author, Name: names[from.Author]},
			Text: from.Text, Work: from.Work, Locator: from.Locator, Translator: from.Translator,
			Year: from.Year, Topics: from.Topics, CreatedAt: at, UpdatedAt: at,
		}
		if err := add(ctx, tx, q, i); err != nil {
			return err
		}
	}
	return nil
}

// mixed gives every quotation its place in a mixed order.
func mixed(all []data.Quote) map[string]int {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b data.Quote) int {
		return cmp.Or(cmp.Compare(shuffle(a.ID), shuffle(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	places := make(map[string]int, len(sorted))
	for i, q := range sorted {
		places[q.ID] = i
	}
	return places
}

// shuffle is the place of an ID in the walk of the quotations of the day:
// anything that has nothing to do with the alphabet.
func shuffle(id string) int64 {
	sum := sha256.Sum256([]byte(id))
	return int64(binary.BigEndian.Uint64(sum[:]) >> 1)
}

// add inserts a quotation with its topics.
func add(ctx context.Context, tx *sql.Tx, q Quote, position int) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO motivational_quotes
			(id, author, text, work, locator, translator, year, folded, shuffle, position, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		q.ID, q.Author.Slug, q.Text, q.Work, q.Locator, q.Translator, q.Year, foldedOf(q), shuffle(q.ID), position,
		q.CreatedAt.UnixMicro(), q.UpdatedAt.UnixMicro())
	if err != nil {
		return fmt.Errorf("quotes: adding %s: %w", q.ID, err)
	}
	return addTopics(ctx, tx, q)
}

func addTopics(ctx context.Context, tx *sql.Tx, q Quote) error {
	for i, topic := range q.Topics {
		if _, err := tx.ExecContext(ctx, `INSERT INTO motivational_quote_topics (quote, topic, position) VALUES ($1, $2, $3)`, q.ID, topic, i); err != nil {
			return fmt.Errorf("quotes: filing %s under %s: %w", q.ID, topic, err)
		}
	}
	return nil
}

// foldedOf is what search looks at. The line keeps a word of the text and one
// of the author from making a third.
func foldedOf(q Quote) string {
	return Fold(q.Text) + "\n" + Fold(q.Author.Name) + "\n" + Fold(q.Work)
}
