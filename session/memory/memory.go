package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/internal/janitor"
)

// Config is how a [Store] behaves. The zero value works.
type Config struct {
	// CleanUp is how often expired sessions are removed. Defaults to 5
	// minutes; negative: never, and they stay until the process ends.
	CleanUp time.Duration
}

// Store keeps sessions in a map. It is safe for concurrent use.
type Store struct {
	mu      sync.Mutex
	rows    map[string]session.Record  // nil: closed
	owned   map[string]map[string]bool // keys by user
	revoked map[revoked]mark
	janitor *janitor.Janitor
}

var (
	_ session.Store   = (*Store)(nil)
	_ session.Swapper = (*Store)(nil)
	_ session.Lister  = (*Store)(nil)
	_ session.Indexer = (*Store)(nil)
)

// New returns an empty store. Close stops its clean-up.
func New(cfg Config) *Store {
	s := &Store{
		rows: make(map[string]session.Record), owned: make(map[string]map[string]bool), revoked: make(map[revoked]mark),
	}
	s.janitor = janitor.Start(cfg.CleanUp, nil, s.Purge)
	return s
}

// Fetch implements session.Store.
func (s *Store) Fetch(ctx context.Context, key string) (session.Record, bool, error) {
	var rec session.Record
	err := s.do(ctx, "fetch", func() {
		if live, ok := s.live(key); ok {
			rec = session.Record{Data: bytes.Clone(live.Data), Expiry: live.Expiry}
		}
	})
	return rec, rec.Data != nil, err
}

// Insert implements session.Store.
func (s *Store) Insert(ctx context.Context, key string, rec session.Record) (inserted bool, err error) {
	var refused error
	err = s.do(ctx, "insert", func() {
		if s.isRevoked(rec.Owner) {
			refused = problem("insert", session.ErrRevoked)
			return
		}
		if _, taken := s.rows[key]; !taken {
			s.rows[key] = session.Record{Data: append([]byte{}, rec.Data...), Expiry: rec.Expiry, Owner: rec.Owner}
			s.index(key, rec.Owner.User)
			inserted = true
		}
	})
	return inserted, cmp.Or(err, refused)
}

// Update implements session.Store.
func (s *Store) Update(ctx context.Context, key string, rec session.Record) (updated bool, err error) {
	err = s.do(ctx, "update", func() {
		live, ok := s.live(key)
		if !ok {
			return
		}
		live.Expiry = rec.Expiry
		if rec.Data != nil {
			live.Data = bytes.Clone(rec.Data)
		}
		s.rows[key], updated = live, true
	})
	return updated, err
}

// Swap implements session.Swapper.
func (s *Store) Swap(ctx context.Context, key string, old []byte, rec session.Record) (swapped bool, err error) {
	err = s.do(ctx, "swap", func() {
		if live, ok := s.live(key); ok && bytes.Equal(live.Data, old) {
			s.rows[key], swapped = session.Record{Data: bytes.Clone(rec.Data), Expiry: rec.Expiry, Owner: live.Owner}, true
		}
	})
	return swapped, err
}

// Remove implements session.Store.
func (s *Store) Remove(ctx context.Context, key string) (removed bool, err error) {
	err = s.do(ctx, "remove", func() {
		_, removed = s.live(key)
		s.drop(key)
	})
	return removed, err
}

// Each implements session.Lister.
func (s *Store) Each(ctx context.Context) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		var keys []string
		if err := s.do(ctx, "list", func() { keys = slices.Sorted(maps.Keys(s.rows)) }); err != nil {
			yield(session.Entry{}, err)
			return
		}
		s.each(ctx, keys, yield)
	}
}

// each yields what is there of the keys.
func (s *Store) each(ctx context.Context, keys []string, yield func(session.Entry, error) bool) {
	for _, key := range keys {
		rec, found, err := s.Fetch(ctx, key)
		if err != nil {
			yield(session.Entry{}, err)
			return
		}
		if found && !yield(session.Entry{Key: key, Record: rec}, nil) {
			return
		}
	}
}

// Purge removes expired sessions and returns how many they were. It runs by
// itself; see Config.CleanUp.
func (s *Store) Purge(ctx context.Context) (removed int, err error) {
	err = s.do(ctx, "purge", func() {
		before, now := len(s.rows), time.Now()
		for key, rec := range s.rows {
			if !rec.Expiry.After(now) {
				s.drop(key)
			}
		}
		maps.DeleteFunc(s.revoked, func(_ revoked, m mark) bool { return !m.until.After(now) })
		removed = before - len(s.rows)
	})
	return removed, err
}

// Close forgets all sessions and stops the clean-up. It is idempotent.
func (s *Store) Close() error {
	s.janitor.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows, s.owned, s.revoked = nil, nil, nil
	return nil
}

// live returns a record that has not expired. It is called with the lock held.
func (s *Store) live(key string) (session.Record, bool) {
	rec, ok := s.rows[key]
	return rec, ok && rec.Expiry.After(time.Now())
}

// do runs step with the lock held.
func (s *Store) do(ctx context.Context, op string, step func()) error {
	if err := ctx.Err(); err != nil {
		return problem(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		return problem(op, session.ErrClosed)
	}
	step()
	return nil
}

// problem wraps an error.
func problem(op string, err error) error { return fmt.Errorf("session/memory: %s: %w", op, err) }
