package journal

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// sqlite is the engine for a SQLite database. It has one writer at a time, so
// the numbers of rows are in the order of commits, and everything that is
// visible is settled.
type sqlite struct {
	db     *sql.DB
	own    bool
	table  table
	domain string
	origin int64
	wake   chan struct{} // holds one if something was appended here

	insert, page, lookup, enroll, replace, pruning, pruned, counting string
}

func newSQLite(db *sql.DB, t table, domain string, origin int64, own bool) *sqlite {
	return &sqlite{
		db: db, own: own, table: t, domain: domain, origin: origin, wake: make(chan struct{}, 1),
		insert:   t.fill(sqliteInsert),
		page:     t.fill(sqlitePage),
		lookup:   t.fill(sqliteLook),
		enroll:   t.fill(`INSERT INTO {state} (domain) VALUES ($1) ON CONFLICT (domain) DO NOTHING`),
		replace:  t.fill(`UPDATE {state} SET journal = randomblob(16), pruned_id = 0 WHERE domain = $1 AND journal = $2`),
		pruning:  t.fill(sqlitePrune),
		counting: t.fill(countSQL),
		pruned:   t.fill(`UPDATE {state} SET pruned_id = max(pruned_id, $2) WHERE domain = $1`),
	}
}

const (
	sqliteNow = `CAST(round(unixepoch('subsec') * 1000) AS INTEGER)`

	sqliteInsert = `INSERT INTO {table} (domain, kind, name, outbox, origin, created_at)
		SELECT $1, json_extract(value, '$[0]'), unhex(json_extract(value, '$[1]')), 0, $2, ` + sqliteNow + `
		FROM json_each($3) ORDER BY key RETURNING id`

	sqlitePage = `SELECT id, kind, name, outbox, origin, created_at FROM {table}
		WHERE domain = $1 AND id > $2 AND ($3 = '' OR kind = $3) ORDER BY id LIMIT $4`

	sqliteLook = `SELECT s.journal, s.pruned_id, coalesce((SELECT max(id) FROM {table} WHERE domain = $1), s.pruned_id),
			EXISTS (SELECT 1 FROM {table} WHERE domain = $1 AND id = $2)
		FROM {state} AS s WHERE s.domain = $1`

	sqlitePrune = `DELETE FROM {table} WHERE id IN (
			SELECT id FROM (SELECT id, created_at FROM {table} WHERE domain = $1 ORDER BY id LIMIT $3)
			WHERE created_at < ` + sqliteNow + ` - $2)
		RETURNING id`
)

// append waits for the disk: with the settings that are good enough for a cache,
// SQLite may lose what it committed last when the machine stops.
func (l *sqlite) append(ctx context.Context, list []cache.Invalidation) (transaction uint64, ids []int64, err error) {
	pairs := make([][2]string, len(list))
	for i, invalidation := range list {
		pairs[i] = [2]string{string(rune(invalidation.Kind)), hex.EncodeToString([]byte(invalidation.Name))}
	}
	text, _ := json.Marshal(pairs) // strings never fail
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if l.own {
		if _, err := conn.ExecContext(ctx, "PRAGMA synchronous = FULL"); err != nil {
			return 0, nil, err
		}
	}
	rows, err := conn.QueryContext(ctx, l.insert, l.domain, l.origin, string(text))
	if err != nil {
		return 0, nil, err
	}
	if ids, err = numbers(rows); err != nil {
		return 0, nil, err
	}
	if len(ids) != len(list) {
		return 0, nil, errors.New("the database has kept another number of rows: is there a trigger on the table?")
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return 0, ids, nil
}

// numbers reads a column of them, in order. Closing commits what was written.
func numbers(rows *sql.Rows) (ids []int64, err error) {
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, errors.Join(rows.Err(), rows.Close())
}

// queryer is a database or a connection to it.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (l *sqlite) read(ctx context.Context, after Position, kind cache.InvalidationKind, limit int) (page, error) {
	return l.readFrom(ctx, l.db, after, kind, limit)
}

func (l *sqlite) readFrom(ctx context.Context, db queryer, after Position, kind cache.InvalidationKind, limit int) (got page, err error) {
	filter := ""
	if kind != 0 {
		filter = string(rune(kind))
	}
	rows, err := db.QueryContext(ctx, l.page, l.domain, after.ID, filter, limit)
	if err != nil {
		return page{}, err
	}
	got.horizon = newest
	for rows.Next() {
		row, err := l.scan(rows)
		if err != nil {
			return page{}, errors.Join(err, rows.Close())
		}
		got.rows = append(got.rows, row)
	}
	return got, errors.Join(rows.Err(), rows.Close())
}

func (l *sqlite) scan(rows *sql.Rows) (r Row, err error) {
	var (
		kind            string
		name            []byte
		origin, created int64
	)
	err = rows.Scan(&r.ID, &kind, &name, &r.Outbox, &origin, &created)
	if err == nil && kind != "" {
		r.Kind, r.Name, r.Own = cache.InvalidationKind(kind[0]), string(name), origin == l.origin
		r.Created = time.UnixMilli(created)
	}
	return r, err
}

func (l *sqlite) look(ctx context.Context, about Position) (know knowledge, err error) {
	look := func() error {
		var journal []byte
		err := l.db.QueryRowContext(ctx, l.lookup, l.domain, about.ID).Scan(
			&journal, &know.pruned.ID, &know.end.ID, &know.known)
		copy(know.journal[:], journal)
		know.known = know.known && about.Transaction == 0
		return err
	}
	err = look()
	if errors.Is(err, sql.ErrNoRows) { // the first time that anybody asks
		if _, err = l.db.ExecContext(ctx, l.enroll, l.domain); err == nil {
			err = look()
		}
	}
	return know, err
}

func (l *sqlite) renew(ctx context.Context, old Identity) error {
	_, err := l.db.ExecContext(ctx, l.replace, l.domain, old[:])
	return err
}

func (l *sqlite) prune(ctx context.Context, age time.Duration, batch int) (removed int, err error) {
	err = l.immediately(ctx, func(conn *sql.Conn) error {
		rows, err := conn.QueryContext(ctx, l.pruning, l.domain, age.Milliseconds(), batch)
		if err != nil {
			return err
		}
		ids, err := numbers(rows)
		if err != nil || len(ids) == 0 {
			return err
		}
		removed = len(ids)
		_, err = conn.ExecContext(ctx, l.pruned, l.domain, ids[len(ids)-1])
		return err
	})
	return removed, err
}

func (l *sqlite) count(ctx context.Context, most int) (n int, err error) {
	err = l.db.QueryRowContext(ctx, l.counting, l.domain, most).Scan(&n)
	return n, err
}

// immediately runs do in a transaction that holds the write lock from its first
// statement on, whatever the connections are set to.
func (l *sqlite) immediately(ctx context.Context, do func(*sql.Conn) error) (err error) {
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err = do(conn); err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		// The connection must not go back into the pool in a transaction.
		// SQLite may have left it already; then there is nothing to undo.
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

// noTable: drivers have codes of their own, but SQLite's words are the same.
func (l *sqlite) noTable(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "no such table") || strings.Contains(err.Error(), "unknown database"))
}

func (l *sqlite) close() error {
	if l.own {
		return l.db.Close()
	}
	return nil
}
