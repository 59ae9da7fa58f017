package quotes

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of the fields of a quotation, in characters.
const (
	MinText   = 3
	MaxText   = 600
	MaxField  = 200 // work, locator and translator
	MaxTopics = 3
)

// Update writes a quotation over the one of the same ID and returns it as it is
// then. UpdatedAt has to be that of the version which was edited: if somebody
// else has changed the quotation since, the error is [ErrConflict]. Author.Slug
// counts, Author.Name does not.
func (r *Repository) Update(ctx context.Context, q Quote) (Quote, error) {
	q, err := r.checked(ctx, q)
	if err != nil {
		return Quote{}, err
	}
	// Later than any change that this clock may not have seen yet.
	read := q.UpdatedAt.UnixMicro()
	written := max(r.now().UnixMicro(), read+1)
	err = r.db.InTx(ctx, func(tx *sql.Tx) error {
		// The first statement writes: in SQLite a transaction that begins by
		// reading could not wait for another writer.
		res, err := tx.ExecContext(ctx, `
			UPDATE motivational_quotes
			SET author = $1, text = $2, work = $3, locator = $4, translator = $5, year = $6, folded = $7, updated_at = $8
			WHERE id = $9 AND updated_at = $10`,
			q.Author.Slug, q.Text, q.Work, q.Locator, q.Translator, q.Year, foldedOf(q), written, q.ID, read)
		if err != nil {
			return fmt.Errorf("quotes: changing %s: %w", q.ID, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return notChanged(ctx, tx, q.ID, err)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM motivational_quote_topics WHERE quote = $1`, q.ID); err != nil {
			return fmt.Errorf("quotes: filing %s anew: %w", q.ID, err)
		}
		return addTopics(ctx, tx, q)
	})
	if err != nil {
		return Quote{}, err
	}
	return r.Quote(ctx, q.ID)
}

// notChanged says why an update met no row.
func notChanged(ctx context.Context, tx *sql.Tx, id string, err error) error {
	if err != nil {
		return fmt.Errorf("quotes: changing %s: %w", id, err)
	}
	var present bool
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM motivational_quotes WHERE id = $1)`, id).Scan(&present)
	switch {
	case err != nil:
		return fmt.Errorf("quotes: changing %s: %w", id, err)
	case present:
		return fmt.Errorf("%w: %s: read it again and repeat the edit", ErrConflict, id)
	}
	return fmt.Errorf("%w: quotation %.100q", ErrNotFound, id)
}

// Insert adds a quotation, gives it an ID and returns it. ID, CreatedAt,
// UpdatedAt and Author.Name do not count.
func (r *Repository) Insert(ctx context.Context, q Quote) (Quote, error) {
	q, err := r.checked(ctx, q)
	if err != nil {
		return Quote{}, err
	}
	q.CreatedAt = instant(r.now().UnixMicro())
	q.UpdatedAt = q.CreatedAt
	err = r.db.Alone(ctx, "quotes", func(tx *sql.Tx) error {
		var position int
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(position), -1) + 1 FROM motivational_quotes`).Scan(&position); err != nil {
			return fmt.Errorf("quotes: adding: %w", err)
		}
		if q.ID, err = freeID(ctx, tx, slugOf(q.Author.Slug, q.Text)); err != nil {
			return err
		}
		return add(ctx, tx, q, position)
	})
	return q, err
}

// freeID returns the slug, or the slug with the first number that is free.
func freeID(ctx context.Context, tx *sql.Tx, slug string) (string, error) {
	for id, n := slug, 2; ; n++ {
		var taken bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM motivational_quotes WHERE id = $1)`, id).Scan(&taken); err != nil {
			return "", fmt.Errorf("quotes: looking for a free ID: %w", err)
		}
		if !taken {
			return id, nil
		}
		id = fmt.Sprintf("%s-%d", slug, n)
	}
}

// checked returns q with its fields trimmed and the author's name, or an
// *InvalidError that names everything that is wrong.
func (r *Repository) checked(ctx context.Context, q Quote) (Quote, error) {
	wrong := map[string]string{}
	lines := strings.Split(q.Text, " / ")
	for i, line := range lines {
		lines[i] = oneLine(line)
	}
	q.Text = strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "" }), " / ")
	q.Work, q.Locator, q.Translator = oneLine(q.Work), oneLine(q.Locator), oneLine(q.Translator)
	if n := utf8.RuneCountInString(q.Text); n < MinText || n > MaxText {
		wrong["text"] = fmt.Sprintf("Write %d to %d characters; these are %d.", MinText, MaxText, n)
	}
	if q.Work == "" {
		wrong["work"] = "Name the book, poem, letter or speech."
	}
	for name, text := range map[string]string{"work": q.Work, "locator": q.Locator, "translator": q.Translator} {
		if n := utf8.RuneCountInString(text); n > MaxField {
			wrong[name] = fmt.Sprintf("Write at most %d characters; these are %d.", MaxField, n)
		}
	}
	if year := r.now().Year(); q.Year < -3000 || q.Year > year {
		wrong["year"] = fmt.Sprintf("Give a year from -3000 to %d.", year)
	}
	if err := r.checkReferences(ctx, &q, wrong); err != nil {
		return Quote{}, err
	}
	if len(wrong) > 0 {
		return Quote{}, &InvalidError{Fields: wrong}
	}
	return q, nil
}

// checkReferences looks author and topics up.
func (r *Repository) checkReferences(ctx context.Context, q *Quote, wrong map[string]string) error {
	author, err := r.Author(ctx, q.Author.Slug)
	switch {
	case errors.Is(err, ErrNotFound):
		wrong["author"] = "Choose one of the authors."
	case err != nil:
		return err
	}
	q.Author = author.AuthorRef
	known, err := r.Topics(ctx)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, name := range q.Topics {
		if seen[name] || !slices.ContainsFunc(known, func(t Topic) bool { return t.Name == name }) {
			wrong["topics"] = "Choose among the topics, each once."
		}
		seen[name] = true
	}
	if len(q.Topics) < 1 || len(q.Topics) > MaxTopics {
		wrong["topics"] = fmt.Sprintf("Choose one to %d topics.", MaxTopics)
	}
	return nil
}

// oneLine joins words by single spaces and leaves out what cannot be kept.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}

// Version writes UpdatedAt for a form; ParseVersion reads it.
func (q Quote) Version() int64 { return q.UpdatedAt.UnixMicro() }

// VersionTime is the UpdatedAt of a version.
func VersionTime(version int64) time.Time { return instant(version) }
