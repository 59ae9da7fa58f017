package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/internal/sqlconn"
)

// Open connects to the database that cfg.URL names, with connections of the
// store's own, and returns a store. If the database cannot be reached, within 5
// seconds unless the URL says otherwise, the error names it and says what to do.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	target, err := sqlconn.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("database: Config.URL: %w", err)
	}
	table, err := parseTable(cfg.Table)
	if err != nil {
		return nil, err
	}
	if target.Kind() == sqlconn.SQLite {
		db, err := sqlconn.OpenSQLite(ctx, target)
		if err != nil {
			return nil, err
		}
		if cfg.MaxConns > 0 {
			db.SetMaxOpenConns(cfg.MaxConns)
		}
		return open(ctx, cfg, table, newSQLite(db, table, true), sqliteWords)
	}
	pool, err := sqlconn.OpenPostgres(ctx, target, sqlconn.PoolConfig{MaxConns: cfg.MaxConns})
	if err != nil {
		return nil, err
	}
	return open(ctx, cfg, table, newPostgres(pool, table, cfg.Unlogged, true), postgresWords)
}

// NewPostgres returns a store that uses the connections of pool, and does not
// close it. It connects only if cfg.AutoCreate is set. The pool's transactions
// have to be "read committed", which is Postgres' default.
func NewPostgres(ctx context.Context, pool *pgxpool.Pool, cfg Config) (*Store, error) {
	if pool == nil {
		return nil, errors.New("database: the pool is nil: open one with pgxpool.New, or use Open")
	}
	cfg, table, err := cfg.forGiven()
	if err != nil {
		return nil, err
	}
	return open(ctx, cfg, table, newPostgres(pool, table, cfg.Unlogged, false), postgresWords)
}

// NewSQLite returns a store that uses the connections of db, and does not close
// it. SQLite has to be of version 3.42 or later, and to be opened with a busy
// timeout, write-ahead log and immediate transactions, or concurrent writes
// fail:
//
//	sql.Open("sqlite", "file:app.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate")
func NewSQLite(ctx context.Context, db *sql.DB, cfg Config) (*Store, error) {
	if db == nil {
		return nil, errors.New("database: the database is nil: open one with sql.Open, or use Open")
	}
	cfg, table, err := cfg.forGiven()
	if err != nil {
		return nil, err
	}
	return open(ctx, cfg, table, newSQLite(db, table, false), sqliteWords)
}

// forGiven is withDefaults for a Config that comes with connections.
func (cfg Config) forGiven() (Config, table, error) {
	if cfg.URL != "" || cfg.MaxConns != 0 || cfg.NoWait {
		return cfg, table{}, errors.New("database: Config.URL, MaxConns and NoWait are for Open: leave them empty where connections are given")
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return cfg, table{}, err
	}
	t, err := parseTable(cfg.Table)
	return cfg, t, err
}

// open makes the store. The engine is closed if that fails.
func open(ctx context.Context, cfg Config, t table, e engine, w words) (*Store, error) {
	s := newStore(cfg, t, e, w)
	if cfg.AutoCreate {
		if err := s.CreateTable(ctx); err != nil {
			return nil, errors.Join(err, e.close())
		}
	}
	s.upkeep.start()
	return s, nil
}
