package journal

import (
	"context"
	"database/sql"
)

// AUTOINCREMENT never gives a number twice, also when the newest rows are gone.
const sqliteSchema = `CREATE TABLE IF NOT EXISTS {table} (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	domain TEXT NOT NULL,
	kind TEXT NOT NULL,
	name BLOB NOT NULL,
	outbox INTEGER NOT NULL,
	origin INTEGER NOT NULL, -- of the process that wrote it
	created_at INTEGER NOT NULL -- milliseconds since 1970
);
CREATE INDEX IF NOT EXISTS {order in schema} ON {name} (domain, id);
CREATE TABLE IF NOT EXISTS {state} (
	domain TEXT NOT NULL PRIMARY KEY,
	journal BLOB NOT NULL DEFAULT (randomblob(16)),
	pruned_id INTEGER NOT NULL DEFAULT 0 -- the last row that was removed
);
`

func (l *sqlite) schema() string { return l.table.fill(sqliteSchema) }

func (l *sqlite) create(ctx context.Context) error {
	return l.immediately(ctx, func(conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx, l.schema())
		return err
	})
}
