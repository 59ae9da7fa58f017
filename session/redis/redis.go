package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/redisstore"
	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/session"
)

// DefaultPrefix is that of redisstore.
const DefaultPrefix = "scs:session:"

// defaultTimeout is how long one answer may take.
const defaultTimeout = 500 * time.Millisecond

// Config is what a [Store] is made of. Only Pool is required.
type Config struct {
	// Pool is where the connections come from. It must have dial and write
	// timeouts: without them a server that hangs is waited for forever. The
	// store does not close it.
	Pool *redis.Pool
	// Prefix starts every key. Defaults to DefaultPrefix.
	Prefix string
	// Timeout bounds the wait for one answer, besides the deadline of the
	// context. Defaults to 500 ms.
	Timeout time.Duration
	// Logger gets one line when Redis is given up and one when it is back.
	// Defaults to discarding them.
	Logger *slog.Logger
}

// Store keeps sessions in Redis. It is safe for concurrent use, by several
// servers too. Redis forgets expired sessions by itself.
//
// A Redis that does not answer is given up: calls fail at once with an error that
// wraps session.ErrUnavailable, and in the background it is asked four times a
// second whether it is back. A call of a request ends with its cache.Budget, too.
// What became of a change that was given up is not known: it may be done later.
//
// It is a store of scs as well, by the embedded redisstore, except that it does
// not commit for a plain scs manager; see [Store.Commit].
type Store struct {
	*redisstore.RedisStore

	pool    *redis.Pool
	prefix  string
	timeout time.Duration
	guard   guard
	closed  atomic.Bool
}

var (
	_ session.Store   = (*Store)(nil)
	_ session.Swapper = (*Store)(nil)
	_ session.Lister  = (*Store)(nil)
)

// New returns a store. It does not connect. Close it before the pool: a server that
// does not answer is asked again and again until then.
func New(cfg Config) (*Store, error) {
	switch {
	case cfg.Pool == nil:
		return nil, errors.New("session/redis: Config.Pool is nil: open one with dial, read and write timeouts")
	case cfg.Timeout < 0:
		return nil, fmt.Errorf("session/redis: Config.Timeout is %v: give a positive duration", cfg.Timeout)
	}
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	s := &Store{
		RedisStore: redisstore.NewWithPrefix(cfg.Pool, cfg.Prefix),
		pool:       cfg.Pool,
		prefix:     cfg.Prefix,
		timeout:    cfg.Timeout,
	}
	s.guard = newGuard(cfg.Logger, s.probe)
	return s, nil
}

// Fetch implements session.Store. It is one round trip.
func (s *Store) Fetch(ctx context.Context, key string) (rec session.Record, found bool, err error) {
	err = s.do(ctx, "fetch", func(c conn) error {
		records, err := c.records([]string{s.prefix + key})
		if err == nil && records[0] != nil {
			rec, found = *records[0], true
		}
		return err
	})
	return rec, found, err
}

// Insert implements session.Store.
func (s *Store) Insert(ctx context.Context, key string, rec session.Record) (inserted bool, err error) {
	if rec.Owner.User != "" {
		return insertOwned(ctx, s, key, rec)
	}
	return s.plain(ctx, key, rec)
}

func (s *Store) plain(ctx context.Context, key string, rec session.Record) (inserted bool, err error) {
	err = s.do(ctx, "insert", func(c conn) (err error) {
		inserted, err = c.set(s.prefix+key, rec, "NX")
		return err
	})
	return inserted, err
}

// Put keeps a record, whatever is under key: for copies of what is elsewhere, as
// session/durable has them. Sessions that live here are not written like that.
func (s *Store) Put(ctx context.Context, key string, rec session.Record) error {
	return s.do(ctx, "put", func(c conn) error {
		_, err := c.ask("SET", s.prefix+key, rec.Data, "PX", millis(rec.Expiry))
		return err
	})
}

// Update implements session.Store.
func (s *Store) Update(ctx context.Context, key string, rec session.Record) (updated bool, err error) {
	if err := prolong(ctx, s, key, rec.Owner); err != nil {
		return false, err
	}
	err = s.do(ctx, "update", func(c conn) (err error) {
		if rec.Data == nil {
			updated, err = redis.Bool(c.ask("PEXPIRE", s.prefix+key, millis(rec.Expiry)))
			return err
		}
		updated, err = c.set(s.prefix+key, rec, "XX")
		return err
	})
	return updated, err
}

// Swap implements session.Swapper.
func (s *Store) Swap(ctx context.Context, key string, old []byte, rec session.Record) (swapped bool, err error) {
	if err := prolong(ctx, s, key, rec.Owner); err != nil {
		return false, err
	}
	err = s.do(ctx, "swap", func(c conn) (err error) {
		swapped, err = redis.Bool(c.ask("EVAL", swapScript, 1, s.prefix+key, old, rec.Data, millis(rec.Expiry)))
		return err
	})
	return swapped, err
}

// swapScript sets KEYS[1] to ARGV[2] for ARGV[3] milliseconds if it is ARGV[1].
const swapScript = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

// Remove implements session.Store.
func (s *Store) Remove(ctx context.Context, key string) (removed bool, err error) {
	err = s.do(ctx, "remove", func(c conn) (err error) {
		removed, err = redis.Bool(c.ask("DEL", s.prefix+key))
		return err
	})
	return removed, err
}

// Commit implements the interface of scs and always fails: a plain scs manager
// overwrites blindly, which brings back sessions that have ended. Give the store
// to session.New, or set it as the Store of a session.Manager.
func (s *Store) Commit(string, []byte, time.Time) error {
	return fmt.Errorf("session/redis: commit: %w", session.ErrUnmanaged)
}

// Close leaves pool and sessions alone; further calls fail. It is idempotent.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.guard.Close()
	return nil
}

// do lends a connection to step, for a call of a request.
func (s *Store) do(ctx context.Context, op string, step func(conn) error) error {
	if s.closed.Load() {
		return failed(op, session.ErrClosed)
	}
	return s.guard.call(ctx, op, func(ctx context.Context) error { return s.lend(ctx, s.timeout, step) })
}

// lend lends a connection to step; patience is for each of its answers.
func (s *Store) lend(ctx context.Context, patience time.Duration, step func(conn) error) error {
	lent, err := s.pool.GetContext(ctx)
	if err != nil {
		return err
	}
	defer lent.Close()
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline))
	}
	if patience <= 0 {
		return context.DeadlineExceeded
	}
	return step(conn{lent, patience})
}

// probed is a key that nobody has: tokens are longer.
const probed = "?"

// probe asks as Fetch does.
func (s *Store) probe(ctx context.Context, patience time.Duration) error {
	err := s.lend(ctx, patience, func(c conn) error {
		_, err := c.records([]string{s.prefix + probed})
		return err
	})
	if answered(err) {
		return nil
	}
	return err
}
