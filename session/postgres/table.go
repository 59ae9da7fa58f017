package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// schema is the table of pgxstore.
const schema = `CREATE TABLE IF NOT EXISTS sessions (
	token TEXT PRIMARY KEY,
	data BYTEA NOT NULL,
	expiry TIMESTAMPTZ NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_expiry_idx ON sessions (expiry);
`

// lockSQL keeps servers that start together from creating the table at once:
// IF NOT EXISTS alone fails then.
const lockSQL = `SELECT pg_advisory_xact_lock(hashtext('echoic create sessions'))`

// Schema returns the SQL that CreateTable runs.
func (s *Store) Schema() string { return schema }

// CreateTable creates the table and its index where they are missing, in the
// first schema of the search_path. Any number of servers may do it at once.
func (s *Store) CreateTable(ctx context.Context) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSQL); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, schema)
		return err
	})
	if err != nil {
		return fmt.Errorf("session/postgres: create table sessions: %w", err)
	}
	return nil
}
