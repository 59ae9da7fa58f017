package database

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Store keeps values in one table. It is made by [Open], [NewPostgres] or
// [NewSQLite], and is safe for concurrent use, by any number of servers too.
//
// Stores on one table share their values, whatever their prefixes. A call waits
// for a row that another transaction has locked, for a free connection and for
// the answer for as long as its context allows. When Postgres was restarted, the
// calls that meet a connection of before are repeated on another one, unless
// they might then be carried out twice.
type Store struct {
	engine engine
	sql    statements
	table  table
	upkeep *upkeep
	slots  chan struct{} // of NoWait: one for each connection; else nil
	calls  calls

	gate   sync.RWMutex // held for reading by every call
	closed atomic.Bool
	once   sync.Once
	err    error // of Close
}

var (
	_ cache.Store     = (*Store)(nil)
	_ cache.ManyStore = (*Store)(nil)
	_ cache.Expirer   = (*Store)(nil)
	_ cache.Counter   = (*Store)(nil)
	_ cache.Swapper   = (*Store)(nil)
	_ cache.Lister    = (*Store)(nil)
	_ cache.Renewer   = (*Store)(nil)
)

func newStore(cfg Config, t table, e engine, w words) *Store {
	s := &Store{engine: e, sql: newStatements(t, w), table: t}
	if cfg.NoWait {
		s.slots = make(chan struct{}, cfg.MaxConns)
	}
	s.upkeep = newUpkeep(s, cfg)
	return s
}

// enter begins a call. Where it fails, leave must not be called.
func (s *Store) enter() error {
	if s.closed.Load() { // before the gate, where Close may be waiting for slow calls
		return errClosed
	}
	s.gate.RLock()
	if s.closed.Load() {
		s.gate.RUnlock()
		return errClosed
	}
	if s.slots == nil {
		return nil
	}
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
		s.gate.RUnlock()
		return errBusy
	}
}

func (s *Store) leave() {
	if s.slots != nil {
		<-s.slots
	}
	s.gate.RUnlock()
}

// read runs a statement that changes nothing.
func (s *Store) read(ctx context.Context, op, statement string, each func(row) error, args ...any) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	began := time.Now()
	err := s.engine.read(ctx, statement, each, args...)
	s.calls.note(began, err)
	return s.problem(ctx, op, err)
}

// write runs a statement that changes rows, and reports how many it changed.
func (s *Store) write(ctx context.Context, op, statement string, each func(row) error, args ...any) (int, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	began := time.Now()
	n, err := s.engine.write(ctx, statement, each, args...)
	s.calls.note(began, err)
	return n, s.problem(ctx, op, err)
}

// Get implements cache.Store.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	err = s.read(ctx, "get", s.sql.get, func(r row) error {
		found = true
		return r.Scan(&value)
	}, key)
	if err != nil || !found {
		return nil, false, err
	}
	return notNil(value), true, nil
}

// Set implements cache.Store.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (stored bool, err error) {
	var statement string
	switch when {
	case cache.Always:
		statement = s.sql.set
	case cache.IfAbsent:
		statement = s.sql.setIfAbsent
	case cache.IfPresent:
		statement = s.sql.setIfPresent
	default:
		return false, fmt.Errorf("database: set: unknown cache.When %d: use Always, IfAbsent or IfPresent", when)
	}
	n, err := s.write(ctx, "set", statement, nil, key, notNil(value), lifetime(ttl))
	s.upkeep.wrote(n)
	return n > 0, err
}

// Delete implements cache.Store, in one statement.
func (s *Store) Delete(ctx context.Context, keys ...string) (removed int, err error) {
	if len(keys) == 0 {
		return 0, s.nothing(ctx)
	}
	_, err = s.write(ctx, "delete", s.sql.remove, func(r row) error {
		var alive bool
		if err := r.Scan(&alive); err != nil {
			return err
		}
		if alive {
			removed++
		}
		return nil
	}, s.engine.list(keys))
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// nothing is a call that has nothing to do.
func (s *Store) nothing(ctx context.Context) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return ctx.Err()
}

// CreateTable creates the table and its indexes where they are missing. Any
// number of processes may do it at once, and at any time: where nothing is
// missing it locks nothing, and needs no right to create tables.
func (s *Store) CreateTable(ctx context.Context) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return s.problem(ctx, "create table "+s.table.String(), s.engine.create(ctx))
}

// Schema returns the SQL that CreateTable runs.
func (s *Store) Schema() string { return s.engine.schema() }

// Close stops the work in the background, waits for it and for calls under way,
// and closes the connections that the store has opened itself. Values stay.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.closed.Store(true)
		s.upkeep.stop()
		s.gate.Lock()
		defer s.gate.Unlock()
		s.err = s.engine.close()
	})
	return s.err
}

// notNil is for a column that is never NULL.
func notNil(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}
