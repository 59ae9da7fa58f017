package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/pgxstore"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/internal/janitor"
)

// Config is what a [Store] is made of. Only Pool is required.
type Config struct {
	// Pool is where the connections come from. The table is found by its
	// search_path. The store does not close it.
	Pool *pgxpool.Pool
	// CleanUp is how often expired rows are removed. Defaults to 5 minutes;
	// negative: never, for servers that leave it to another one.
	CleanUp time.Duration
	// Logger gets failures of the clean-up. Defaults to discarding them.
	Logger *slog.Logger
}

// Store keeps sessions in Postgres. It is safe for concurrent use, by several
// servers too. The clock is the database's.
//
// It is a store of scs as well, by the embedded pgxstore, except that it does
// not commit for a plain scs manager; see [Store.Commit].
type Store struct {
	*pgxstore.PostgresStore

	pool    *pgxpool.Pool
	janitor *janitor.Janitor
	closed  atomic.Bool
}

var (
	_ session.Store   = (*Store)(nil)
	_ session.Swapper = (*Store)(nil)
	_ session.Lister  = (*Store)(nil)
	_ session.Indexer = (*Store)(nil)

	_ session.Deliberate = (*Store)(nil)
)

// New returns a store. It does not connect; see [Store.CreateTable].
func New(cfg Config) (*Store, error) {
	if cfg.Pool == nil {
		return nil, errors.New("session/postgres: Config.Pool is nil: open one with pgxpool.New")
	}
	s := &Store{
		// Without its own clean-up, whose stop blocks when it is called twice.
		PostgresStore: pgxstore.NewWithCleanupInterval(cfg.Pool, 0),
		pool:          cfg.Pool,
	}
	s.janitor = janitor.Start(cfg.CleanUp, cfg.Logger, s.sweep)
	return s, nil
}

const (
	fetchSQL  = `SELECT data, expiry FROM sessions WHERE token = $1 AND current_timestamp < expiry`
	insertSQL = `INSERT INTO sessions (token, data, expiry) VALUES ($1, $2, $3) ON CONFLICT (token) DO NOTHING`
	updateSQL = `UPDATE sessions SET data = COALESCE($2::bytea, data), expiry = $3 WHERE token = $1 AND current_timestamp < expiry`
	swapSQL   = `UPDATE sessions SET data = $2, expiry = $3 WHERE token = $1 AND current_timestamp < expiry AND data = $4`
	removeSQL = `DELETE FROM sessions WHERE token = $1 RETURNING current_timestamp < expiry`
	pageSQL   = `SELECT token, data, expiry FROM sessions WHERE token > $1 AND current_timestamp < expiry ORDER BY token LIMIT $2`
	sweepSQL  = `DELETE FROM sessions WHERE ctid = ANY (ARRAY (
		SELECT ctid FROM sessions WHERE expiry <= current_timestamp LIMIT $1 FOR UPDATE SKIP LOCKED))`
)

// Fetch implements session.Store.
func (s *Store) Fetch(ctx context.Context, key string) (rec session.Record, found bool, err error) {
	if s.closed.Load() {
		return rec, false, problem("fetch", session.ErrClosed)
	}
	err = s.pool.QueryRow(ctx, fetchSQL, key).Scan(&rec.Data, &rec.Expiry)
	if errors.Is(err, pgx.ErrNoRows) {
		return session.Record{}, false, nil
	}
	return rec, err == nil, problem("fetch", err)
}

// Insert implements session.Store.
func (s *Store) Insert(ctx context.Context, key string, rec session.Record) (inserted bool, err error) {
	if rec.Owner.User != "" {
		return s.insertOwned(ctx, key, rec)
	}
	return s.exec(ctx, "insert", insertSQL, key, notNil(rec.Data), rec.Expiry)
}

// Update implements session.Store.
func (s *Store) Update(ctx context.Context, key string, rec session.Record) (updated bool, err error) {
	return s.exec(ctx, "update", updateSQL, key, rec.Data, rec.Expiry)
}

// Swap implements session.Swapper.
func (s *Store) Swap(ctx context.Context, key string, old []byte, rec session.Record) (swapped bool, err error) {
	return s.exec(ctx, "swap", swapSQL, key, rec.Data, rec.Expiry, old)
}

// Remove implements session.Store.
func (s *Store) Remove(ctx context.Context, key string) (removed bool, err error) {
	if s.closed.Load() {
		return false, problem("remove", session.ErrClosed)
	}
	err = s.pool.QueryRow(ctx, removeSQL, key).Scan(&removed)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return removed, problem("remove", err)
}

// Deliberate implements session.Deliberate.
func (s *Store) Deliberate() {}

// pageSize is how many sessions Each reads at a time.
const pageSize = 500

// Each implements session.Lister.
func (s *Store) Each(ctx context.Context) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		s.walk(ctx, pageSQL, nil, yield)
	}
}

// walk yields what the statement finds, page by page: it is given the last key
// and the size of a page, and then args.
func (s *Store) walk(ctx context.Context, statement string, args []any, yield func(session.Entry, error) bool) {
	last := ""
	for {
		page, err := s.page(ctx, statement, append([]any{last, pageSize}, args...))
		if err != nil {
			yield(session.Entry{}, problem("list", err))
			return
		}
		for _, entry := range page {
			if !yield(entry, nil) {
				return
			}
			last = entry.Key
		}
		if len(page) < pageSize {
			return
		}
	}
}

func (s *Store) page(ctx context.Context, statement string, args []any) ([]session.Entry, error) {
	if s.closed.Load() {
		return nil, session.ErrClosed
	}
	rows, err := s.pool.Query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e session.Entry, err error) {
		err = row.Scan(&e.Key, &e.Data, &e.Expiry)
		return e, err
	})
}

// Commit implements the interface of scs and always fails: a plain scs manager
// overwrites blindly, which brings back sessions that have ended. Give the store
// to session.New, or set it as the Store of a session.Manager.
func (s *Store) Commit(string, []byte, time.Time) error {
	return problem("commit", session.ErrUnmanaged)
}

// Purge removes all expired rows, in batches. It runs by itself; see
// Config.CleanUp.
func (s *Store) Purge(ctx context.Context) error { return janitor.All(ctx, s.sweep) }

// StopCleanup implements what users of pgxstore know. It is Close.
func (s *Store) StopCleanup() { _ = s.Close() }

// Close stops the clean-up, waits for it and leaves pool and sessions alone. It
// is idempotent.
func (s *Store) Close() error {
	s.janitor.Close()
	s.closed.Store(true)
	return nil
}

func (s *Store) sweep(ctx context.Context) (int, error) {
	if s.closed.Load() {
		return 0, problem("clean up", session.ErrClosed)
	}
	tag, err := s.pool.Exec(ctx, sweepSQL, janitor.Batch)
	if err == nil {
		err = s.sweepRevocations(ctx)
	}
	return int(tag.RowsAffected()), problem("clean up", err)
}

// exec runs a statement and reports whether it changed a row.
func (s *Store) exec(ctx context.Context, op, statement string, args ...any) (bool, error) {
	if s.closed.Load() {
		return false, problem(op, session.ErrClosed)
	}
	tag, err := s.pool.Exec(ctx, statement, args...)
	return tag.RowsAffected() > 0, problem(op, err)
}

// notNil is for a column that must not be NULL.
func notNil(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

// What Postgres calls a missing table and a missing column.
const undefinedTable, undefinedColumn = "42P01", "42703"

// problem wraps an error. What Postgres adds as detail may hold values of the
// row, and is not part of the text.
func problem(op string, err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pg) && (pg.Code == undefinedTable || pg.Code == undefinedColumn):
		return fmt.Errorf("session/postgres: %s: the table is missing or of an older version: run `echoic create-tables` or call CreateTable: %w", op, err)
	}
	return fmt.Errorf("session/postgres: %s: %w", op, err)
}
