package sqlite

import (
	"context"
	"fmt"
)

// schema is the table of sqlite3store.
const schema = `CREATE TABLE IF NOT EXISTS sessions (
	token TEXT PRIMARY KEY,
	data BLOB NOT NULL,
	expiry REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_expiry_idx ON sessions (expiry);
`

// Schema returns the SQL that CreateTable runs.
func (s *Store) Schema() string { return schema }

// CreateTable creates the table and its index where they are missing. Any
// number of processes may do it at once: SQLite has one writer at a time.
func (s *Store) CreateTable(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("session/sqlite: create table sessions: %w", err)
	}
	return nil
}
