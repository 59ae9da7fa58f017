package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"

	"github.com/echoic-go/echoic/cache"
)

// sqliteWords: bytes are read as text, which never fails, and what is not the
// text of its own number is no integer. A sum beyond 64 bits becomes a real.
var sqliteWords = words{
	now:    `CAST(round(unixepoch('subsec') * 1000) AS INTEGER)`,
	among:  `key IN (SELECT value FROM json_each($1))`,
	locked: `key IN (SELECT value FROM json_each($1))`,
	digits: `CAST(` + integer + ` AS TEXT) = CAST(c.value AS TEXT)`,
	fits:   `typeof(` + integer + ` + $2) = 'integer'`,
	sum:    `CAST(CAST(` + integer + ` + $2 AS TEXT) AS BLOB)`,
	purge:  `IN (SELECT key FROM {table} WHERE expires_at <= {now} ORDER BY expires_at LIMIT $1)`,
	cull: `IN (SELECT key FROM {table} ORDER BY (expires_at IS NULL), written_at
		LIMIT max(0, min($2, (SELECT count(*) FROM {table}) - $1)))`,
}

const integer = `CAST(CAST(c.value AS TEXT) AS INTEGER)`

// sqlite is the engine for a SQLite database.
type sqlite struct {
	db      *sql.DB
	own     bool
	table   table
	many    [2]string
	newer   [2]string
	culling string
	// turn is held by the one that writes: SQLite has one writer at a time, and
	// those that find it busy ask again and again. Waiting here is fairer, and
	// uses no connection.
	turn chan struct{}
}

func newSQLite(db *sql.DB, t table, own bool) *sqlite {
	return &sqlite{
		db: db, own: own, table: t, turn: make(chan struct{}, 1),
		many:    [2]string{sqliteWords.fill(t, sqliteMany[0]), sqliteWords.fill(t, sqliteMany[1])},
		newer:   [2]string{sqliteWords.fill(t, sqliteMany[0]), sqliteWords.fill(t, sqliteMany[1]+unlessNewer)},
		culling: sqliteWords.fill(t, cullRows),
	}
}

// inTurn runs what writes.
func (l *sqlite) inTurn(ctx context.Context, do func() error) error {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.turn }()
	return do()
}

func (l *sqlite) read(ctx context.Context, statement string, each func(row) error, args ...any) error {
	_, err := l.query(ctx, statement, each, args)
	return err
}

func (l *sqlite) query(ctx context.Context, statement string, each func(row) error, args []any) (seen int, err error) {
	rows, err := l.db.QueryContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	for rows.Next() {
		seen++
		if err := each(rows); err != nil {
			return seen, errors.Join(err, rows.Close())
		}
	}
	// Closing commits what was written.
	return seen, errors.Join(rows.Err(), rows.Close())
}

func (l *sqlite) write(ctx context.Context, statement string, each func(row) error, args ...any) (changed int, err error) {
	err = l.inTurn(ctx, func() error {
		if each != nil {
			changed, err = l.query(ctx, statement, each, args)
			return err
		}
		changed, err = affected(l.db.ExecContext(ctx, statement, args...))
		return err
	})
	return changed, err
}

func affected(result sql.Result, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// list is a JSON array: SQLite has no other.
func (l *sqlite) list(keys []string) any {
	text, _ := json.Marshal(keys) // strings never fail
	return string(text)
}

// mostRows of one statement, three parameters each: SQLite takes 32766.
const mostRows = 5000

func (l *sqlite) setMany(ctx context.Context, items []cache.Item) error {
	return l.writeMany(ctx, l.many, items)
}

func (l *sqlite) renew(ctx context.Context, items []cache.Item) error {
	return l.writeMany(ctx, l.newer, items)
}

// writeMany puts the rows between the two halves of statement.
func (l *sqlite) writeMany(ctx context.Context, statement [2]string, items []cache.Item) error {
	return l.inTurn(ctx, func() error {
		if len(items) <= mostRows {
			return l.upsert(ctx, l.db, statement, items)
		}
		tx, err := l.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		for len(items) > 0 {
			n := min(len(items), mostRows)
			if err := l.upsert(ctx, tx, statement, items[:n]); err != nil {
				return errors.Join(err, tx.Rollback())
			}
			items = items[n:]
		}
		return tx.Commit()
	})
}

// execer is a database or a transaction in it.
type execer interface {
	ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error)
}

// upsert is the statement of Set with more rows. The rows are only parameters:
// for an expression in each of them SQLite needs seconds to plan.
func (l *sqlite) upsert(ctx context.Context, db execer, statement [2]string, items []cache.Item) error {
	args := make([]any, 0, 3*len(items))
	for _, item := range items {
		args = append(args, item.Key, notNil(item.Value), lifetime(item.TTL))
	}
	rows := strings.Repeat("(?, ?, ?), ", len(items)-1) + "(?, ?, ?)"
	_, err := db.ExecContext(ctx, statement[0]+rows+statement[1], args...)
	return err
}

// sqliteMany is what stands before and behind the rows. (Without the WHERE
// SQLite takes ON for that of a join.)
var sqliteMany = [2]string{
	insertInto + ` SELECT column1, column2, {now} + column3, {now} FROM (VALUES `,
	`) WHERE true ` + overwrite,
}

func (l *sqlite) cull(ctx context.Context, most, batch int) (removed int, err error) {
	return l.write(ctx, l.culling, nil, most, batch)
}

// noTable: drivers have codes of their own, but SQLite's words are the same.
func (l *sqlite) noTable(err error) bool {
	return strings.Contains(err.Error(), "no such table") || strings.Contains(err.Error(), "unknown database")
}

func (l *sqlite) close() error {
	if l.own {
		return l.db.Close()
	}
	return nil
}
