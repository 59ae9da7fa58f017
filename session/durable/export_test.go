package durable

import (
	"context"
	"time"
)

// Open is New for tests in which no epoch ends: copies are met at once, and a busy
// machine is no outage.
func Open(ctx context.Context, cfg Config, patience time.Duration) (*Store, error) {
	return open(ctx, cfg, times{fast: patience, change: patience, settle: time.Millisecond, now: time.Now})
}

// OpenAt is Open with a clock.
func OpenAt(ctx context.Context, cfg Config, patience time.Duration, now func() time.Time) (*Store, error) {
	return open(ctx, cfg, times{fast: patience, change: patience, settle: 0, now: now})
}

// EpochKey is where the database has the epoch.
const EpochKey = epochKey

// Unheard is how long copies are read without the database.
const Unheard = unheard

// Epoch returns the part of the keys of copies, "" while none are read.
func (s *Store) Epoch() string {
	id, _ := s.trusted()
	return id
}

// Pretend says that another server is away.
func (s *Store) Pretend(ctx context.Context, server string, until time.Time) {
	err := s.edit(ctx, func(e *epoch) bool {
		e.Away = map[string]int64{server: until.UnixMilli()}
		return true
	})
	if err != nil {
		panic(err)
	}
}
