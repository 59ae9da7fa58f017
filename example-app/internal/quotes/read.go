package quotes

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Quote returns the quotation of an ID, or [ErrNotFound].
func (r *Repository) Quote(ctx context.Context, id string) (Quote, error) {
	if !IsSlug(id) {
		return Quote{}, fmt.Errorf("%w: quotation %.100q", ErrNotFound, id)
	}
	return r.one(ctx, "quotation "+id, `WHERE q.id = $1`, id)
}

// Daily returns the quotation of the UTC day that holds at: the same for
// everybody and all day long. Day after day it walks through the whole
// collection in a mixed order. A quotation takes part from the day after it
// was added, so that an addition does not change the present day's.
func (r *Repository) Daily(ctx context.Context, at time.Time) (Quote, error) {
	start := at.UTC().Truncate(24 * time.Hour)
	var count int64
	err := r.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM motivational_quotes WHERE created_at < $1`, start.UnixMicro()).Scan(&count)
	if err != nil {
		return Quote{}, fmt.Errorf("quotes: counting for the quotation of the day: %w", err)
	}
	if count == 0 {
		return Quote{}, fmt.Errorf("%w: no quotation is older than %s", ErrNotFound, start.Format(time.DateOnly))
	}
	day := start.Unix() / int64(24*time.Hour/time.Second)
	// The inner SELECT walks over IDs only, not over whole quotations.
	return r.one(ctx, "quotation of the day", `WHERE q.id =
		(SELECT id FROM motivational_quotes WHERE created_at < $1 ORDER BY shuffle, position LIMIT 1 OFFSET $2)`, start.UnixMicro(), ((day%count)+count)%count)
}

// Latest returns the n quotations that were added last, the newest first.
func (r *Repository) Latest(ctx context.Context, n int) ([]Quote, error) {
	return r.many(ctx, "latest quotations", `ORDER BY q.created_at DESC, q.position DESC LIMIT $1`, n)
}

// Changed returns the n quotations that were added or edited last.
func (r *Repository) Changed(ctx context.Context, n int) ([]Quote, error) {
	return r.many(ctx, "changed quotations", `ORDER BY q.updated_at DESC, q.position DESC LIMIT $1`, n)
}

// Random returns any quotation, another one each time.
func (r *Repository) Random(ctx context.Context) (Quote, error) {
	return r.one(ctx, "random quotation", `WHERE q.id = (SELECT id FROM motivational_quotes ORDER BY RANDOM() LIMIT 1)`)
}

// ByAuthor returns all quotations of an author as they follow in the works.
// An unknown author has none.
func (r *Repository) ByAuthor(ctx context.Context, slug string) ([]Quote, error) {
	if !IsSlug(slug) {
		return nil, nil
	}
	return r.many(ctx, "quotations of "+slug, `WHERE q.author = $1 ORDER BY q.position`, slug)
}

// ByTopic returns a page of the quotations of a topic, the oldest authors
// first. A page that is not there is [ErrNotFound]; an unknown topic has one
// empty page.
func (r *Repository) ByTopic(ctx context.Context, topic string, page int) (Page, error) {
	if !IsSlug(topic) {
		return Page{}, fmt.Errorf("%w: topic %.100q", ErrNotFound, topic)
	}
	return r.page(ctx, "topic "+topic, page,
		`JOIN motivational_quote_topics t ON t.quote = q.id AND t.topic = $1`, `ORDER BY a.position, q.position`, topic)
}

// Search returns a page of the quotations that have all the words of the query
// in their text, author or work, whatever their case and accents, the oldest
// authors first. A page that is not there is [ErrNotFound]. A query without
// words finds nothing.
func (r *Repository) Search(ctx context.Context, query string, page int) (Page, error) {
	terms := Terms(query)
	if len(terms) == 0 {
		p, _, ok := offset(0, page)
		if !ok {
			return Page{}, fmt.Errorf("%w: page %d of nothing", ErrNotFound, page)
		}
		return p, nil
	}
	var where strings.Builder
	args := make([]any, len(terms))
	for i, term := range terms {
		word := " AND"
		if i == 0 {
			word = "WHERE"
		}
		fmt.Fprintf(&where, `%s q.folded LIKE $%d ESCAPE '\'`, word, i+1)
		args[i] = "%" + likeEscaper.Replace(term) + "%"
	}
	return r.page(ctx, "search", page, where.String(), `ORDER BY a.position, q.position`, args...)
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// maxIDs bounds one statement of ByIDs.
const maxIDs = 500

// ByIDs returns the quotations of these IDs in the same order, without those
// that do not exist. It looks at no more than 500.
func (r *Repository) ByIDs(ctx context.Context, ids []string) ([]Quote, error) {
	ids = ids[:min(len(ids), maxIDs)]
	var args []any
	var marks []string
	for _, id := range ids {
		if IsSlug(id) {
			args = append(args, id)
			marks = append(marks, fmt.Sprintf("$%d", len(args)))
		}
	}
	if len(args) == 0 {
		return nil, nil
	}
	found, err := r.many(ctx, "quotations by ID", `WHERE q.id IN (`+strings.Join(marks, ", ")+`)`, args...)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]Quote, len(found))
	for _, q := range found {
		byID[q.ID] = q
	}
	ordered := make([]Quote, 0, len(found))
	for _, id := range ids {
		if q, ok := byID[id]; ok {
			ordered = append(ordered, q)
		}
	}
	return ordered, nil
}

const selectAuthor = `
SELECT a.slug, a.name, a.lived, a.bio, (SELECT COUNT(*) FROM motivational_quotes q WHERE q.author = a.slug)
FROM motivational_authors a
`

func scanAuthor(row scanner) (a Author, err error) {
	err = row.Scan(&a.Slug, &a.Name, &a.Lived, &a.Bio, &a.Quotes)
	return a, err
}

// Authors returns all authors, the oldest first.
func (r *Repository) Authors(ctx context.Context) ([]Author, error) {
	rows, err := r.db.QueryContext(ctx, selectAuthor+`ORDER BY a.position`)
	if err != nil {
		return nil, fmt.Errorf("quotes: authors: %w", err)
	}
	defer rows.Close()
	var all []Author
	for rows.Next() {
		a, err := scanAuthor(rows)
		if err != nil {
			return nil, fmt.Errorf("quotes: authors: %w", err)
		}
		all = append(all, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("quotes: authors: %w", err)
	}
	return all, nil
}

// Author returns the author of a slug, or [ErrNotFound].
func (r *Repository) Author(ctx context.Context, slug string) (Author, error) {
	if !IsSlug(slug) {
		return Author{}, fmt.Errorf("%w: author %.100q", ErrNotFound, slug)
	}
	a, err := scanAuthor(r.db.QueryRowContext(ctx, selectAuthor+`WHERE a.slug = $1`, slug))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Author{}, fmt.Errorf("%w: author %s", ErrNotFound, slug)
	case err != nil:
		return Author{}, fmt.Errorf("quotes: author %s: %w", slug, err)
	}
	return a, nil
}
