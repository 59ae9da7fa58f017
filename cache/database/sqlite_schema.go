package database

import (
	"context"
	"errors"
)

const sqliteSchema = `CREATE TABLE IF NOT EXISTS {table} (
	key TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL,
	expires_at INTEGER, -- milliseconds since 1970; NULL: never
	written_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS {expiry in schema} ON {name} (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS {cull in schema} ON {name} ((expires_at IS NULL), written_at);
`

func (l *sqlite) schema() string { return l.table.fill(sqliteSchema) }

// create holds the write lock from its first statement on, whatever the
// connections are set to.
func (l *sqlite) create(ctx context.Context) error {
	return l.inTurn(ctx, func() (err error) {
		conn, err := l.db.Conn(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, conn.Close()) }()
		if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			return err
		}
		if _, err = conn.ExecContext(ctx, l.schema()); err == nil {
			_, err = conn.ExecContext(ctx, "COMMIT")
		}
		if err != nil {
			// The connection must not go back into the pool in a transaction.
			// SQLite may have left it already; then there is nothing to undo.
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
		return err
	})
}
