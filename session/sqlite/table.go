package sqlite

import (
	"context"
	"fmt"
	"strings"
)

// schema is the table of sqlite3store, and what it lacks to know whose a session
// is.
const (
	tableSchema = `CREATE TABLE IF NOT EXISTS sessions (
	token TEXT PRIMARY KEY,
	data BLOB NOT NULL,
	expiry REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_expiry_idx ON sessions (expiry);
`
	// SQLite knows no IF NOT EXISTS here.
	columnSchema = `ALTER TABLE sessions ADD COLUMN owner TEXT;
`
	ownerSchema = `CREATE INDEX IF NOT EXISTS sessions_owner_idx ON sessions (owner, token) WHERE owner IS NOT NULL;
CREATE TABLE IF NOT EXISTS session_revocations (
	owner TEXT NOT NULL,
	login TEXT NOT NULL,
	stamp INTEGER NOT NULL,
	expiry REAL NOT NULL,
	PRIMARY KEY (owner, login)
);
`
	hasOwnerSQL = `SELECT count(*) FROM pragma_table_info('sessions') WHERE name = 'owner'`
)

// Schema returns the SQL that CreateTable runs. The column is only added where it
// is missing.
func (s *Store) Schema() string { return tableSchema + columnSchema + ownerSchema }

// CreateTable creates the tables and indexes where they are missing, and adds to a
// table of sqlite3store, or of an older version, the column that it lacks: scs
// does not notice. Any number of processes may do it at once: SQLite has one
// writer at a time.
func (s *Store) CreateTable(ctx context.Context) error {
	err := func() error {
		if _, err := s.db.ExecContext(ctx, tableSchema); err != nil {
			return err
		}
		var has int
		if err := s.db.QueryRowContext(ctx, hasOwnerSQL).Scan(&has); err != nil {
			return err
		}
		if has == 0 {
			// Another process may be quicker.
			if _, err := s.db.ExecContext(ctx, columnSchema); err != nil && !strings.Contains(err.Error(), "duplicate column") {
				return err
			}
		}
		_, err := s.db.ExecContext(ctx, ownerSchema)
		return err
	}()
	if err != nil {
		return fmt.Errorf("session/sqlite: create table sessions: %w", err)
	}
	return nil
}
