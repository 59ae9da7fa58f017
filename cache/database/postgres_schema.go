package database

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Keys are compared byte by byte, so that those with one prefix stand side by
// side, whatever the database's language is.
const postgresSchema = `TABLE IF NOT EXISTS {table} (
	key text COLLATE "C" PRIMARY KEY,
	value bytea NOT NULL,
	expires_at bigint, -- milliseconds since 1970; NULL: never
	written_at bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS {expiry} ON {table} (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS {cull} ON {table} ((expires_at IS NULL), written_at);
`

func (p *postgres) schema() string {
	if p.unlogged {
		return p.table.fill("CREATE UNLOGGED " + postgresSchema)
	}
	return p.table.fill("CREATE " + postgresSchema)
}

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
	expiry, cull := t.InSchema(t.expiryIndex()), t.InSchema(t.cullIndex())
	if err := p.read(ctx, completeSQL, func(r row) error { return r.Scan(&complete) }, t.String(), expiry, cull); err != nil || complete {
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
