package journal

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// The order is by transaction and row, in which nothing appears any more before
// what is settled. Names are bytes: a tag can be any string.
const postgresSchema = `CREATE TABLE IF NOT EXISTS {table} (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
	domain text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	name bytea NOT NULL,
	outbox boolean NOT NULL,
	origin bigint NOT NULL, -- of the process that wrote it
	created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS {order} ON {table} (domain, xid, id);
CREATE TABLE IF NOT EXISTS {state} (
	domain text COLLATE "C" PRIMARY KEY,
	journal uuid NOT NULL DEFAULT gen_random_uuid(),
	pruned_xid xid8 NOT NULL DEFAULT '0', -- the last row in order that was removed
	pruned_id bigint NOT NULL DEFAULT 0
);
`

func (p *postgres) schema() string { return p.table.fill(postgresSchema) }

const (
	// lockSQL takes a lock that only its name means something to, until the
	// transaction ends.
	lockSQL = `SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))`

	completeSQL = `SELECT to_regclass($1::text) IS NOT NULL AND to_regclass($2::text) IS NOT NULL AND to_regclass($3::text) IS NOT NULL`
)

// create first looks whether there is anything to do: CREATE … IF NOT EXISTS
// needs the right to create, and creating an index locks out writers, even where
// everything is there. Those that create at once wait for each other: for them
// IF NOT EXISTS is not enough.
func (p *postgres) create(ctx context.Context) error {
	var complete bool
	t := p.table
	err := p.pool.QueryRow(ctx, completeSQL, t.String(), t.state(), t.InSchema(t.order())).Scan(&complete)
	if err != nil || complete {
		return err
	}
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSQL, "echoic create "+t.String()); err != nil {
			return err
		}
		// Without arguments, for a script of several statements.
		_, err := tx.Exec(ctx, p.schema())
		return err
	})
}
