package database

import (
	"context"
	"time"
)

// Swap implements cache.Swapper, in one statement.
func (s *Store) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (swapped bool, err error) {
	var n int
	if value == nil {
		n, err = s.write(ctx, "swap", s.sql.swapOut, nil, key, notNil(old))
	} else {
		n, err = s.write(ctx, "swap", s.sql.swap, nil, key, notNil(old), value, lifetime(ttl))
	}
	return n > 0, err
}
