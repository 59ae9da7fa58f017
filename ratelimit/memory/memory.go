// Package memory keeps the buckets of a ratelimit.Limiter in the process: for
// development and tests, and for a site that is one process. It never fails.
//
//	store, err := memory.New(memory.Config{})
//	limiter, err := ratelimit.New(ratelimit.Config{Store: store})
//
// It holds a bounded number of buckets. One that is not empty is never pushed
// out: whoever makes up keys fills the store, and from then on made-up keys share
// a fixed number of buckets and are limited together, new visitors among them,
// until buckets become empty.
package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/echoic-go/echoic/ratelimit"
	"github.com/echoic-go/echoic/ratelimit/internal/bucket"
)

// Config bounds a Store. The zero value is ready to use.
type Config struct {
	// MaxKeys is how many buckets it holds, 64 bytes each, and 32 KiB beside
	// them. 1000 to 10 million. Defaults to 100000.
	MaxKeys int
}

const defaultMaxKeys = 100_000

// Store is a ratelimit.Store. It is safe for concurrent use.
type Store struct {
	table *bucket.Table
	begin time.Time
}

var _ ratelimit.Store = (*Store)(nil)

// New returns an empty store.
func New(cfg Config) (*Store, error) {
	if cfg.MaxKeys == 0 {
		cfg.MaxKeys = defaultMaxKeys
	}
	if cfg.MaxKeys < 1000 || cfg.MaxKeys > 10_000_000 {
		return nil, fmt.Errorf("ratelimit/memory: Config.MaxKeys is %d: use 1000 to 10000000", cfg.MaxKeys)
	}
	return &Store{table: bucket.New(cfg.MaxKeys), begin: time.Now()}, nil
}

// Take implements ratelimit.Store.
func (s *Store) Take(_ context.Context, tag string, charges []ratelimit.Charge) (allowed bool, err error) {
	return s.table.Take(time.Since(s.begin).Truncate(time.Microsecond), tag, charges), nil
}

// Close implements ratelimit.Store.
func (s *Store) Close() error { return nil }
