package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// schema is the table of pgxstore, and what it lacks to know whose a session is.
const schema = `CREATE TABLE IF NOT EXISTS sessions (
	token TEXT PRIMARY KEY,
	data BYTEA NOT NULL,
	expiry TIMESTAMPTZ NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_expiry_idx ON sessions (expiry);
` + ownerSchema + `CREATE TABLE IF NOT EXISTS session_revocations (
	owner TEXT NOT NULL,
	login TEXT NOT NULL,
	stamp BIGINT NOT NULL,
	expiry TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (owner, login)
);
`

const ownerSchema = `DO $$ BEGIN
	-- Only where it is missing: asking for it waits for all who use the table.
	IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'sessions'::regclass AND attname = 'owner' AND NOT attisdropped) THEN
		ALTER TABLE sessions ADD COLUMN owner TEXT;
	END IF;
END $$;
CREATE INDEX IF NOT EXISTS sessions_owner_idx ON sessions (owner, token) WHERE owner IS NOT NULL;
`

// lockSQL keeps servers that start together from creating the table at once:
// IF NOT EXISTS alone fails then.
const lockSQL = `SELECT pg_advisory_xact_lock(hashtext('echoic create sessions'))`

// Schema returns the SQL that CreateTable runs.
func (s *Store) Schema() string { return schema }

// CreateTable creates the tables and indexes where they are missing, in the first
// schema of the search_path, and adds to a table of pgxstore, or of an older
// version, the column that it lacks: scs does not notice. Any number of servers may
// do it at once.
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
