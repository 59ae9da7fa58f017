package database

import (
	"context"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/echoic-go/echoic/internal/sqlconn"
)

// maxConns bounds the connections to Postgres: pages come from the cache, and
// what does not is one or two short statements.
const maxConns = 8

// Open opens the database of a URL that package sqlconn understands, and sees
// to it that it answers. The error names the address and what to do. The caller
// closes the DB.
func Open(ctx context.Context, url string) (*DB, error) {
	target, err := sqlconn.Parse(url)
	if err != nil {
		return nil, err
	}
	if target.Kind() == sqlconn.SQLite {
		db, err := sqlconn.OpenSQLite(ctx, target)
		if err != nil {
			return nil, err
		}
		return &DB{DB: db, Kind: SQLite, pool: noPool}, nil
	}
	pool, err := sqlconn.OpenPostgres(ctx, target, sqlconn.PoolConfig{MaxConns: maxConns})
	if err != nil {
		return nil, err
	}
	return &DB{DB: stdlib.OpenDBFromPool(pool), Kind: Postgres, pool: pool.Close}, nil
}

func noPool() {}

// Close closes the database and waits until its connections are given back. It
// is idempotent.
func (db *DB) Close() error {
	err := db.DB.Close()
	db.pool()
	return err
}

// Ping asks the database whether it is there.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	return db.QueryRowContext(ctx, "SELECT 1").Scan(&one)
}
