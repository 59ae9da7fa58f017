package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
)

// Kind says which of the two a database is.
type Kind int

// The kinds of database.
const (
	SQLite Kind = iota + 1
	Postgres
)

func (k Kind) String() string {
	switch k {
	case SQLite:
		return "SQLite"
	case Postgres:
		return "Postgres"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// DB is a database of a known kind; make it with [Open]. It is safe for
// concurrent use.
type DB struct {
	*sql.DB
	Kind Kind

	pool func() // closes what is under DB
}

// InTx runs fn in a transaction and commits it, unless fn returns an error or
// panics.
func (db *DB) InTx(ctx context.Context, fn func(tx *sql.Tx) error) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("database: begin: %w", err)
	}
	defer func() {
		// After a commit this reports ErrTxDone, and after an error the
		// error itself says more.
		if e := tx.Rollback(); e != nil && !errors.Is(e, sql.ErrTxDone) && err == nil {
			err = fmt.Errorf("database: rollback: %w", e)
		}
	}()
	if err = fn(tx); err != nil {
		return err
	}
	if err = tx.Commit(); err != nil {
		return fmt.Errorf("database: commit: %w", err)
	}
	return nil
}

// Alone is InTx while no other process or goroutine is inside an Alone of the
// same name. It waits as long as ctx lets it.
//
// SQLite has one writer at a time anyway. In Postgres even CREATE TABLE IF NOT
// EXISTS fails if two do it at once, hence the advisory lock, which ends with
// the transaction.
func (db *DB) Alone(ctx context.Context, name string, fn func(tx *sql.Tx) error) error {
	return db.InTx(ctx, func(tx *sql.Tx) error {
		if db.Kind == Postgres {
			if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", lockID(name)); err != nil {
				return fmt.Errorf("database: lock %q: %w", name, err)
			}
		}
		return fn(tx)
	})
}

// lockID is the number of a named lock; Postgres knows locks by numbers only.
func lockID(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte("motivational_app:" + name))
	return int64(h.Sum64())
}
