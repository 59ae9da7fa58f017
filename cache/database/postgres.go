package database

import (
	"context"
	"errors"
	"io"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/cache"
)

// postgresWords: the instant is that at which the statement arrived, which does
// not change while it runs, so an index can be searched for it. Text is only
// cast to a number behind a CASE, because AND promises no order.
var postgresWords = words{
	now:    `floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint`,
	among:  `key = ANY ($1::text[])`,
	locked: `key = ANY (ARRAY (SELECT l.key FROM {table} AS l WHERE l.key = ANY ($1::text[]) ORDER BY l.key FOR UPDATE))`,
	digits: `CASE WHEN octet_length(c.value) <= 20 AND encode(c.value, 'escape') ~ '^(0|-?[1-9][0-9]*)$'
		THEN ` + number + ` BETWEEN ` + leastInteger + ` AND ` + mostInteger + ` ELSE false END`,
	fits:  number + ` + $2::bigint BETWEEN ` + leastInteger + ` AND ` + mostInteger,
	sum:   `decode((` + number + ` + $2::bigint)::text, 'escape')`,
	purge: `= ANY (ARRAY (SELECT key FROM {table} WHERE expires_at <= {now} ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))`,
	cull: `= ANY (ARRAY (SELECT key FROM {table} ORDER BY (expires_at IS NULL), written_at
		LIMIT least($2::bigint, greatest((SELECT count(*) FROM {table}) - $1::bigint, 0)) FOR UPDATE SKIP LOCKED))`,
}

const (
	number       = `encode(c.value, 'escape')::numeric`
	leastInteger = `-9223372036854775808`
	mostInteger  = `9223372036854775807`
)

// postgres is the engine for a Postgres server.
type postgres struct {
	pool     *pgxpool.Pool
	own      bool
	table    table
	unlogged bool
	tries    int // of one call
	many     string
	newer    string
	culling  string
}

func newPostgres(pool *pgxpool.Pool, t table, unlogged, own bool) *postgres {
	return &postgres{
		pool: pool, own: own, table: t, unlogged: unlogged,
		// Enough to meet each connection of before a restart, and one more.
		tries:   int(pool.Config().MaxConns) + 1,
		many:    postgresWords.fill(t, manySQL),
		newer:   postgresWords.fill(t, manySQL+unlessNewer),
		culling: postgresWords.fill(t, cullRows),
	}
}

func (p *postgres) read(ctx context.Context, statement string, each func(row) error, args ...any) error {
	_, err := p.repeat(ctx, repeatableRead, func() (int, bool, error) { return p.once(ctx, statement, each, args) })
	return err
}

func (p *postgres) write(ctx context.Context, statement string, each func(row) error, args ...any) (int, error) {
	return p.repeat(ctx, repeatableWrite, func() (int, bool, error) { return p.once(ctx, statement, each, args) })
}

// once runs a statement. begun says that a row has been seen.
func (p *postgres) once(ctx context.Context, statement string, each func(row) error, args []any) (changed int, begun bool, err error) {
	if each == nil {
		tag, err := p.pool.Exec(ctx, statement, args...)
		return int(tag.RowsAffected()), false, err
	}
	rows, err := p.pool.Query(ctx, statement, args...)
	if err != nil {
		return 0, false, err
	}
	defer rows.Close()
	for rows.Next() {
		begun = true
		if err := each(rows); err != nil {
			return 0, begun, err
		}
	}
	rows.Close() // the tag is there from now on
	return int(rows.CommandTag().RowsAffected()), begun, rows.Err()
}

// repeat runs a statement again while it fails for a reason that another
// connection, or another moment, may not have.
func (p *postgres) repeat(ctx context.Context, repeatable func(error) bool, once func() (int, bool, error)) (changed int, err error) {
	for try := 1; ; try++ {
		changed, begun, err := once()
		if err == nil || begun || try >= p.tries || ctx.Err() != nil || !repeatable(err) {
			return changed, err
		}
	}
}

// repeatableRead: a read may be repeated whenever its connection broke.
func repeatableRead(err error) bool {
	if repeatableWrite(err) {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return false // the server is away
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// repeatableWrite: a write may be repeated if it is certain that it was not
// carried out.
func repeatableWrite(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return false
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case "57P01", // the server ended the connection, and so did not commit
			"40001", "40P01": // rolled back in favour of another transaction
			return true
		}
		return false
	}
	return pgconn.SafeToRetry(err)
}

func (p *postgres) list(keys []string) any { return keys }

// manySQL is the upsert of Set for three arrays, which unnest goes through in
// their order.
const manySQL = insertInto + ` SELECT i.key, i.value, {now} + i.ttl, {now}
	FROM unnest($1::text[], $2::bytea[], $3::bigint[]) AS i (key, value, ttl) ` + overwrite

func (p *postgres) setMany(ctx context.Context, items []cache.Item) error {
	return p.writeMany(ctx, p.many, items)
}

func (p *postgres) renew(ctx context.Context, items []cache.Item) error {
	return p.writeMany(ctx, p.newer, items)
}

func (p *postgres) writeMany(ctx context.Context, statement string, items []cache.Item) error {
	keys, values, ttls := make([]string, len(items)), make([][]byte, len(items)), make([]*int64, len(items))
	for i, item := range items {
		keys[i], values[i], ttls[i] = item.Key, notNil(item.Value), lifetime(item.TTL)
	}
	_, err := p.write(ctx, statement, nil, keys, values, ttls)
	return err
}

// cull is done by one server at a time: those that count before another has
// removed anything would all remove as many rows as there are too many.
func (p *postgres) cull(ctx context.Context, most, batch int) (removed int, err error) {
	err = pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSQL, "echoic cull "+p.table.String()); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, p.culling, most, batch)
		removed = int(tag.RowsAffected())
		return err
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// noTable: undefined_table, or invalid_schema_name.
func (p *postgres) noTable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "42P01" || pg.Code == "3F000")
}

func (p *postgres) close() error {
	if p.own {
		p.pool.Close()
	}
	return nil
}
