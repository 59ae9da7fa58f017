package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/internal/sqlconn"
)

// Open connects to the database that cfg.URL names, with connections of the
// journal's own, finds the end of the journal and follows it from there: nothing
// that is committed after Open has returned is missed. If the database cannot be
// reached, within 5 seconds unless the URL says otherwise, the error names it and
// says what to do. If the tables are missing, calls return ErrNoTable until they
// are there, and every row is followed then.
//
// Postgres has to be of version 13 or later and the primary.
func Open(ctx context.Context, cfg Config) (*Journal, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	target, err := sqlconn.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("journal: Config.URL: %w", err)
	}
	t, err := parseTable(cfg.Table)
	if err != nil {
		return nil, err
	}
	if target.Kind() == sqlconn.SQLite {
		db, err := sqlconn.OpenSQLite(ctx, target)
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(cfg.MaxConns + 1) // the tail's
		return openSQLite(ctx, db, cfg, t, true)
	}
	pool, err := sqlconn.OpenPostgres(ctx, target, sqlconn.PoolConfig{MaxConns: cfg.MaxConns})
	if err != nil {
		return nil, err
	}
	return openPostgres(ctx, pool, cfg, t, true)
}

// NewPostgres is Open with the connections of pool, which it does not close. It
// listens on one more of the same configuration. The pool's transactions have
// to be "read committed", which is Postgres' default.
func NewPostgres(ctx context.Context, pool *pgxpool.Pool, cfg Config) (*Journal, error) {
	if pool == nil {
		return nil, errors.New("journal: the pool is nil: open one with pgxpool.New, or use Open")
	}
	cfg, t, err := cfg.forGiven()
	if err != nil {
		return nil, err
	}
	return openPostgres(ctx, pool, cfg, t, false)
}

// NewSQLite is Open with the connections of db, which it does not close. It
// keeps one of them for itself. SQLite has to be of version 3.42 or later, and
// to be opened with a busy timeout, write-ahead log and immediate transactions,
// or concurrent writes fail:
//
//	sql.Open("sqlite", "file:app.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
func NewSQLite(ctx context.Context, db *sql.DB, cfg Config) (*Journal, error) {
	if db == nil {
		return nil, errors.New("journal: the database is nil: open one with sql.Open, or use Open")
	}
	cfg, t, err := cfg.forGiven()
	if err != nil {
		return nil, err
	}
	return openSQLite(ctx, db, cfg, t, false)
}

// NewMemory makes a journal that lives as long as the process, for tests and for
// sites without a database. It is not Durable: after a restart of the process
// nobody knows what was invalidated, so a shared store that returns with old data
// has to forget everything. It keeps at most 100,000 rows.
func NewMemory(cfg Config) (*Journal, error) {
	cfg, t, err := cfg.forGiven()
	if err != nil {
		return nil, err
	}
	j := newJournal(cfg, t, newMemory(), outbox{})
	j.durable = false
	return j, j.begin(context.Background(), false)
}

func openPostgres(ctx context.Context, pool *pgxpool.Pool, cfg Config, t table, own bool) (*Journal, error) {
	origin := newOrigin()
	j := newJournal(cfg, t, newPostgres(pool, t, cfg.Domain, origin, own), newPostgresOutbox(t, cfg.Domain, origin))
	return begun(ctx, j, cfg)
}

func openSQLite(ctx context.Context, db *sql.DB, cfg Config, t table, own bool) (*Journal, error) {
	origin := newOrigin()
	j := newJournal(cfg, t, newSQLite(db, t, cfg.Domain, origin, own), newSQLiteOutbox(t, cfg.Domain, origin))
	return begun(ctx, j, cfg)
}

func begun(ctx context.Context, j *Journal, cfg Config) (*Journal, error) {
	if err := j.begin(ctx, cfg.AutoCreate); err != nil {
		return nil, errors.Join(err, j.engine.close())
	}
	return j, nil
}

// begin starts the work in the background.
func (j *Journal) begin(ctx context.Context, create bool) error {
	if create {
		if err := j.CreateTable(ctx); err != nil {
			return err
		}
	}
	if err := j.tail.start(ctx); err != nil {
		return j.problem(ctx, "open", err)
	}
	j.pruner.start()
	return nil
}
