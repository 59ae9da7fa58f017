package journal

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/cache"
)

// postgres is the engine for a Postgres server.
type postgres struct {
	pool   *pgxpool.Pool
	own    bool
	table  table
	domain string
	origin int64
	tries  int // of one call

	insert, page, lookup, enroll, replace, forget, pruning, counting string
}

func newPostgres(pool *pgxpool.Pool, t table, domain string, origin int64, own bool) *postgres {
	return &postgres{
		pool: pool, own: own, table: t, domain: domain, origin: origin,
		// Enough to meet each connection of before a restart, and one more.
		tries:    int(pool.Config().MaxConns) + 1,
		insert:   t.fill(insertSQL),
		page:     t.fill(pageSQL),
		lookup:   t.fill(lookSQL),
		enroll:   t.fill(enrollSQL),
		replace:  t.fill(replaceSQL),
		forget:   t.fill(forgetSQL),
		pruning:  t.fill(pruneSQL),
		counting: t.fill(countSQL),
	}
}

const (
	// onDisk makes the commit wait for the disk where it would not. An
	// invalidation that is acknowledged must not be lost, and the transactions
	// of rows that others have seen must not be numbered again after a crash:
	// their order rests on it.
	onDisk = `CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', true) END`

	// insertSQL numbers the rows in the order of the arrays. The notification
	// is sent by the commit.
	insertSQL = `WITH added AS (
		INSERT INTO {table} (domain, kind, name, outbox, origin)
		SELECT $1::text, u.kind, u.name, false, $2::bigint
		FROM unnest($3::text[], $4::bytea[]) WITH ORDINALITY AS u (kind, name, n) ORDER BY u.n
		RETURNING xid, id)
	SELECT xid, array_agg(id ORDER BY id), pg_notify($5::text, $1::text), ` + onDisk + ` FROM added GROUP BY xid`

	columns = `r.xid, r.id, r.kind, r.name, r.outbox, r.origin, r.created_at`

	pageSQL = `SELECT pg_snapshot_xmin(pg_current_snapshot()), ` + columns + ` FROM {table} AS r
		WHERE domain = $1 AND (xid, id) > ($2::xid8, $3::bigint) AND ($4::text = '' OR kind = $4::text)
		ORDER BY xid, id LIMIT $5`

	lookSQL = `SELECT s.journal, s.pruned_xid, s.pruned_id, e.xid, e.id,
			EXISTS (SELECT FROM {table} WHERE domain = $1 AND xid = $2::xid8 AND id = $3::bigint),
			EXISTS (SELECT FROM {table} WHERE domain = $1 AND xid >= pg_snapshot_xmax(pg_current_snapshot()))
		FROM {state} AS s LEFT JOIN LATERAL (
			SELECT xid, id FROM {table} WHERE domain = $1 AND xid < pg_snapshot_xmin(pg_current_snapshot())
			ORDER BY xid DESC, id DESC LIMIT 1) AS e ON true
		WHERE s.domain = $1`

	enrollSQL = `INSERT INTO {state} (domain) VALUES ($1) ON CONFLICT (domain) DO NOTHING`

	replaceSQL = `UPDATE {state} SET journal = gen_random_uuid(), pruned_xid = '0', pruned_id = 0 WHERE domain = $1 AND journal = $2`
	forgetSQL  = `DELETE FROM {table} WHERE domain = $1 AND xid >= pg_snapshot_xmax(pg_current_snapshot())`

	// pruneSQL goes through the oldest rows in order, and looks at no more than
	// a batch of them. The clock is the database's.
	pruneSQL = `WITH gone AS (
		DELETE FROM {table} WHERE id IN (
			SELECT o.id FROM (SELECT id, created_at FROM {table}
				WHERE domain = $1 AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id LIMIT $3) AS o
			WHERE o.created_at < clock_timestamp() - $2::bigint * interval '1 microsecond')
		RETURNING xid, id),
	last AS (SELECT xid, id FROM gone ORDER BY xid DESC, id DESC LIMIT 1),
	kept AS (UPDATE {state} AS s SET pruned_xid = last.xid, pruned_id = last.id FROM last
		WHERE s.domain = $1 AND (s.pruned_xid, s.pruned_id) < (last.xid, last.id))
	SELECT count(*) FROM gone`
)

func (p *postgres) append(ctx context.Context, list []cache.Invalidation) (transaction uint64, ids []int64, err error) {
	kinds, names := make([]string, len(list)), make([][]byte, len(list))
	for i, invalidation := range list {
		kinds[i], names[i] = string(rune(invalidation.Kind)), []byte(invalidation.Name)
	}
	err = p.repeat(ctx, func() error {
		return p.pool.QueryRow(ctx, p.insert, p.domain, p.origin, kinds, names, p.table.channel()).Scan(&transaction, &ids, nil, nil)
	})
	if err == nil && len(ids) != len(list) {
		err = errors.New("the database has kept another number of rows: is there a trigger on the table?")
	}
	return transaction, ids, err
}

func (p *postgres) read(ctx context.Context, after Position, kind cache.InvalidationKind, limit int) (got page, err error) {
	filter := ""
	if kind != 0 {
		filter = string(rune(kind))
	}
	err = p.repeat(ctx, func() error {
		got = page{}
		rows, err := p.pool.Query(ctx, p.page, p.domain, after.Transaction, after.ID, filter, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var horizon uint64
			row, err := p.scan(rows, &horizon)
			if err != nil {
				return err
			}
			got.rows, got.horizon = append(got.rows, row), horizon
		}
		return rows.Err()
	})
	return got, err
}

// scan reads a row of columns behind what else there is.
func (p *postgres) scan(rows pgx.Rows, before ...any) (r Row, err error) {
	var (
		kind   string
		name   []byte
		origin int64
	)
	err = rows.Scan(append(before, &r.Transaction, &r.ID, &kind, &name, &r.Outbox, &origin, &r.Created)...)
	if err == nil && kind != "" {
		r.Kind, r.Name, r.Own = cache.InvalidationKind(kind[0]), string(name), origin == p.origin
	}
	return r, err
}

func (p *postgres) look(ctx context.Context, about Position) (know knowledge, err error) {
	look := func() error {
		know = knowledge{}
		var endXID *uint64
		var endID *int64
		err := p.pool.QueryRow(ctx, p.lookup, p.domain, about.Transaction, about.ID).Scan(
			(*[16]byte)(&know.journal), &know.pruned.Transaction, &know.pruned.ID, &endXID, &endID, &know.known, &know.future)
		know.end = know.pruned
		if err == nil && endXID != nil {
			know.end = Position{Transaction: *endXID, ID: *endID}
		}
		return err
	}
	err = p.repeat(ctx, look)
	if errors.Is(err, pgx.ErrNoRows) { // the first time that anybody asks
		if _, err = p.pool.Exec(ctx, p.enroll, p.domain); err == nil {
			err = look()
		}
	}
	return know, err
}

func (p *postgres) renew(ctx context.Context, old Identity) error {
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, p.replace, p.domain, [16]byte(old))
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = tx.Exec(ctx, p.forget, p.domain)
		return err
	})
}

func (p *postgres) prune(ctx context.Context, age time.Duration, batch int) (removed int, err error) {
	err = p.pool.QueryRow(ctx, p.pruning, p.domain, age.Microseconds(), batch).Scan(&removed)
	return removed, err
}

func (p *postgres) count(ctx context.Context, most int) (n int, err error) {
	err = p.pool.QueryRow(ctx, p.counting, p.domain, most).Scan(&n)
	return n, err
}

// repeat runs again what met a connection that is broken, as all are that were
// idle when the server was restarted. Adding rows twice does no harm.
func (p *postgres) repeat(ctx context.Context, once func() error) error {
	for try := 1; ; try++ {
		err := once()
		if err == nil || try >= p.tries || ctx.Err() != nil || !repeatable(err) {
			return err
		}
	}
}

func repeatable(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return false // the server is away
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case "57P01", "57P02", // the server ended the connection
			"40001", "40P01": // rolled back in favour of another transaction
			return true
		}
		return false
	}
	return !errors.Is(err, pgx.ErrNoRows)
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
