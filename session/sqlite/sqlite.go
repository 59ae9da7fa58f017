package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/sqlite3store"

	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/internal/janitor"
)

// Config is what a [Store] is made of. Only DB is required.
type Config struct {
	// DB is the database, of any SQLite driver. The store does not close it.
	DB *sql.DB
	// CleanUp is how often expired rows are removed. Defaults to 5 minutes;
	// negative: never.
	CleanUp time.Duration
	// Logger gets failures of the clean-up. Defaults to discarding them.
	Logger *slog.Logger
}

// Store keeps sessions in SQLite. It is safe for concurrent use, by several
// processes on one file too.
//
// It is a store of scs as well, by the embedded sqlite3store, except that it
// does not commit for a plain scs manager; see [Store.Commit].
type Store struct {
	*sqlite3store.SQLite3Store

	db      *sql.DB
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

// New returns a store. It does not open the database; see [Store.CreateTable].
func New(cfg Config) (*Store, error) {
	if cfg.DB == nil {
		return nil, errors.New("session/sqlite: Config.DB is nil: open one with sql.Open")
	}
	s := &Store{
		// Without its own clean-up, whose stop blocks when it is called twice.
		SQLite3Store: sqlite3store.NewWithCleanupInterval(cfg.DB, 0),
		db:           cfg.DB,
	}
	s.janitor = janitor.Start(cfg.CleanUp, cfg.Logger, s.sweep)
	return s, nil
}

// Expiry is a Julian day, as sqlite3store keeps it: 2440587.5 is 1970-01-01.
const (
	fetchSQL  = `SELECT data, expiry FROM sessions WHERE token = $1 AND julianday('now') < expiry`
	insertSQL = `INSERT INTO sessions (token, data, expiry) VALUES ($1, $2, julianday($3)) ON CONFLICT (token) DO NOTHING`
	updateSQL = `UPDATE sessions SET data = COALESCE($2, data), expiry = julianday($3) WHERE token = $1 AND julianday('now') < expiry`
	swapSQL   = `UPDATE sessions SET data = $2, expiry = julianday($3) WHERE token = $1 AND julianday('now') < expiry AND data = $4`
	removeSQL = `DELETE FROM sessions WHERE token = $1 RETURNING julianday('now') < expiry`
	pageSQL   = `SELECT token, data, expiry FROM sessions WHERE token > $1 AND julianday('now') < expiry ORDER BY token LIMIT $2`
	sweepSQL  = `DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE expiry <= julianday('now') LIMIT $1)`
)

// stamp is the time as julianday() reads it.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000") }

// instant is the reverse, to the millisecond.
func instant(julian float64) time.Time {
	return time.UnixMilli(int64(math.Round((julian - 2440587.5) * 86_400_000))).UTC()
}

// Fetch implements session.Store.
func (s *Store) Fetch(ctx context.Context, key string) (rec session.Record, found bool, err error) {
	if s.closed.Load() {
		return rec, false, problem("fetch", session.ErrClosed)
	}
	var julian float64
	err = s.db.QueryRowContext(ctx, fetchSQL, key).Scan(&rec.Data, &julian)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return session.Record{}, false, nil
	case err != nil:
		return session.Record{}, false, problem("fetch", err)
	}
	rec.Expiry = instant(julian)
	return rec, true, nil
}

// Insert implements session.Store.
func (s *Store) Insert(ctx context.Context, key string, rec session.Record) (inserted bool, err error) {
	data := rec.Data
	if data == nil {
		data = []byte{}
	}
	if rec.Owner.User != "" {
		return s.insertOwned(ctx, key, data, rec)
	}
	n, err := s.exec(ctx, "insert", insertSQL, key, data, stamp(rec.Expiry))
	return n > 0, err
}

// Update implements session.Store.
func (s *Store) Update(ctx context.Context, key string, rec session.Record) (updated bool, err error) {
	var data any // NULL leaves the data alone
	if rec.Data != nil {
		data = rec.Data
	}
	n, err := s.exec(ctx, "update", updateSQL, key, data, stamp(rec.Expiry))
	return n > 0, err
}

// Swap implements session.Swapper.
func (s *Store) Swap(ctx context.Context, key string, old []byte, rec session.Record) (swapped bool, err error) {
	n, err := s.exec(ctx, "swap", swapSQL, key, rec.Data, stamp(rec.Expiry), old)
	return n > 0, err
}

// Remove implements session.Store.
func (s *Store) Remove(ctx context.Context, key string) (removed bool, err error) {
	if s.closed.Load() {
		return false, problem("remove", session.ErrClosed)
	}
	err = s.db.QueryRowContext(ctx, removeSQL, key).Scan(&removed)
	if errors.Is(err, sql.ErrNoRows) {
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

func (s *Store) page(ctx context.Context, statement string, args []any) (page []session.Entry, err error) {
	if s.closed.Load() {
		return nil, session.ErrClosed
	}
	rows, err := s.db.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e session.Entry
		var julian float64
		if err := rows.Scan(&e.Key, &e.Data, &julian); err != nil {
			return nil, err
		}
		e.Expiry = instant(julian)
		page = append(page, e)
	}
	return page, rows.Err()
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

// StopCleanup implements what users of sqlite3store know. It is Close.
func (s *Store) StopCleanup() { _ = s.Close() }

// Close stops the clean-up, waits for it and leaves database and sessions
// alone. It is idempotent.
func (s *Store) Close() error {
	s.janitor.Close()
	s.closed.Store(true)
	return nil
}

func (s *Store) sweep(ctx context.Context) (int, error) {
	if _, err := s.exec(ctx, "clean up", sweepRevocationsSQL); err != nil {
		return 0, err
	}
	return s.exec(ctx, "clean up", sweepSQL, janitor.Batch)
}

// exec runs a statement and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, op, statement string, args ...any) (int, error) {
	if s.closed.Load() {
		return 0, problem(op, session.ErrClosed)
	}
	result, err := s.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, problem(op, err)
	}
	n, err := result.RowsAffected()
	return int(n), problem(op, err)
}

// problem wraps an error.
func problem(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "no such table"), strings.Contains(err.Error(), "no such column"),
		strings.Contains(err.Error(), "has no column named"):
		return fmt.Errorf("session/sqlite: %s: the table is missing or of an older version: run `echoic create-tables` or call CreateTable: %w", op, err)
	}
	return fmt.Errorf("session/sqlite: %s: %w", op, err)
}
