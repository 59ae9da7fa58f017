package durable

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/echoic-go/echoic/session"
)

// Database is a store that loses nothing it has acknowledged.
type Database interface {
	session.Store
	session.Swapper
	session.Lister
	session.Indexer
}

// Fast is a store for copies: that of session/redis.
type Fast interface {
	session.Store
	session.Swapper
	// Put keeps the record, whatever is under key.
	Put(ctx context.Context, key string, rec session.Record) error
}

// Config is what a [Store] is made of. Database and Fast are required.
type Config struct {
	// Database decides. Close leaves it open.
	Database Database
	// Fast opens the store of copies. That has to ask check about every process
	// of Redis before it uses its data, by OpenConfig.Check of session/redis, and
	// to fail while check does. Close leaves it open.
	Fast func(check func(ctx context.Context, run string) error) (Fast, error)
	// Check is asked before. Defaults to none.
	Check func(ctx context.Context, run string) error
	// Cluster says that Redis is several processes at once. A primary of a
	// Cluster that was replaced, and that a server still reaches, is then not
	// recognised by the others' having seen its successor.
	Cluster bool
	// Logger gets one line for each change between with and without Redis or the
	// database. Defaults to discarding them.
	Logger *slog.Logger
}

// Store keeps sessions in a database and copies of them in Redis. It has all
// powers, and is safe for concurrent use, by several servers too.
type Store struct {
	cfg  Config
	db   Database
	fast Fast
	name string // of this process in the epoch
	times

	view    atomic.Pointer[view]   // nil: not read so far
	run     atomic.Pointer[string] // of Redis, that was checked last
	away    atomic.Bool            // this server cannot tell Redis what it changes
	failing atomic.Bool            // the database's failure was logged
	leaving sync.Mutex

	life context.Context
	stop context.CancelFunc
	jobs sync.WaitGroup
}

var (
	_ Database           = (*Store)(nil)
	_ session.Deliberate = (*Store)(nil)
)

// New returns a store. If the database cannot be asked which epoch it is, copies
// are not read until it can. Close it before Database and Fast.
func New(ctx context.Context, cfg Config) (*Store, error) { return open(ctx, cfg, usual) }

func open(ctx context.Context, cfg Config, times times) (*Store, error) {
	switch {
	case cfg.Database == nil:
		return nil, errors.New("session/durable: Config.Database is nil: open a store of session/postgres or session/sqlite")
	case cfg.Fast == nil:
		return nil, errors.New("session/durable: Config.Fast is nil: open a store of session/redis there")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{cfg: cfg, db: cfg.Database, name: rand.Text(), times: times}
	s.life, s.stop = context.WithCancel(context.Background())
	var err error
	if s.fast, err = cfg.Fast(s.check); err != nil {
		s.stop()
		return nil, err
	}
	_, _, err = s.refresh(ctx)
	s.told(err)
	s.jobs.Go(s.keeper)
	return s, nil
}

// Close stops what runs in the background and waits for it; further calls fail. It
// is idempotent.
func (s *Store) Close() error {
	s.stop()
	s.jobs.Wait()
	return nil
}

// Deliberate implements session.Deliberate.
func (s *Store) Deliberate() {}

func (s *Store) alive(op string) error {
	if s.life.Err() != nil {
		return fmt.Errorf("session/durable: %s: %w", op, session.ErrClosed)
	}
	return nil
}

// Each implements session.Lister, from the database.
func (s *Store) Each(ctx context.Context) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		if err := s.alive("list"); err != nil {
			yield(session.Entry{}, err)
			return
		}
		for entry, err := range s.db.Each(ctx) {
			if entry.Key != epochKey && !yield(entry, err) {
				return
			}
		}
	}
}

// Stamp implements session.Indexer.
func (s *Store) Stamp(ctx context.Context, user string) (since int64, err error) {
	if err := s.alive("stamp"); err != nil {
		return 0, err
	}
	return s.db.Stamp(ctx, user)
}

// Owned implements session.Indexer, from the database.
func (s *Store) Owned(ctx context.Context, user string) iter.Seq2[session.Entry, error] {
	if err := s.alive("list"); err != nil {
		return func(yield func(session.Entry, error) bool) { yield(session.Entry{}, err) }
	}
	return s.db.Owned(ctx, user)
}

// Revoke implements session.Indexer.
func (s *Store) Revoke(ctx context.Context, r session.Revocation) (since int64, err error) {
	if err := s.alive("revoke"); err != nil {
		return 0, err
	}
	return s.db.Revoke(ctx, r)
}
