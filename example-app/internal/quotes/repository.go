package quotes

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/echoic-go/echoic/example-app/internal/database"
)

// Config is what a [Repository] is made of. DB is required.
type Config struct {
	DB *database.DB
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Repository reads and changes the collection. It is safe for concurrent use
// and holds nothing that has to be closed; the database is the caller's.
type Repository struct {
	db  *database.DB
	now func() time.Time
}

// New returns a repository. It does not ask the database; see
// [Repository.Prepare].
func New(cfg Config) (*Repository, error) {
	if cfg.DB == nil {
		return nil, errors.New("quotes: Config.DB is nil: open the database first")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Repository{db: cfg.DB, now: cfg.Now}, nil
}

// selectQuote starts every statement that reads quotations. The topics come
// along as one text: their names have no commas.
const selectQuote = `
SELECT q.id, q.author, a.name, q.text, q.work, q.locator, q.translator, q.year, q.created_at, q.updated_at,
       COALESCE((SELECT string_agg(t.topic, ',' ORDER BY t.position) FROM motivational_quote_topics t WHERE t.quote = q.id), '')
FROM motivational_quotes q JOIN motivational_authors a ON a.slug = q.author
`

type scanner interface{ Scan(dest ...any) error }

func scanQuote(row scanner, more ...any) (q Quote, err error) {
	var topics string
	var created, updated int64
	dest := []any{
		&q.ID, &q.Author.Slug, &q.Author.Name, &q.Text, &q.Work, &q.Locator, &q.Translator, &q.Year,
		&created, &updated, &topics,
	}
	if err = row.Scan(append(dest, more...)...); err != nil {
		return Quote{}, err
	}
	q.CreatedAt, q.UpdatedAt = instant(created), instant(updated)
	if topics != "" {
		q.Topics = strings.Split(topics, ",")
	}
	return q, nil
}

func instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// one returns the first quotation of a statement, or ErrNotFound.
func (r *Repository) one(ctx context.Context, what, tail string, args ...any) (Quote, error) {
	q, err := scanQuote(r.db.QueryRowContext(ctx, selectQuote+tail, args...))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Quote{}, fmt.Errorf("%w: %s", ErrNotFound, what)
	case err != nil:
		return Quote{}, fmt.Errorf("quotes: %s: %w", what, err)
	}
	return q, nil
}

// many returns all quotations of a statement.
func (r *Repository) many(ctx context.Context, what, tail string, args ...any) ([]Quote, error) {
	rows, err := r.db.QueryContext(ctx, selectQuote+tail, args...)
	if err != nil {
		return nil, fmt.Errorf("quotes: %s: %w", what, err)
	}
	defer rows.Close()
	var all []Quote
	for rows.Next() {
		q, err := scanQuote(rows)
		if err != nil {
			return nil, fmt.Errorf("quotes: %s: %w", what, err)
		}
		all = append(all, q)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("quotes: %s: %w", what, err)
	}
	return all, nil
}

// page returns one page of a list: count has the part of the statement after
// FROM … q that chooses the rows, order what comes after it.
func (r *Repository) page(ctx context.Context, what string, number int, where, order string, args ...any) (Page, error) {
	var total int
	if err := r.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM motivational_quotes q `+where, args...).Scan(&total); err != nil {
		return Page{}, fmt.Errorf("quotes: counting %s: %w", what, err)
	}
	p, from, ok := offset(total, number)
	if !ok {
		return Page{}, fmt.Errorf("%w: page %d of %s", ErrNotFound, number, what)
	}
	n := len(args)
	tail := fmt.Sprintf("%s %s LIMIT $%d OFFSET $%d", where, order, n+1, n+2)
	var err error
	p.Quotes, err = r.many(ctx, what, tail, append(args[:n:n], PerPage, from)...)
	return p, err
}
