package database

import (
	"context"
	"math"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// lifetime is a time to live as a parameter: whole milliseconds, rounded up, so
// that a value is never gone too early by more than the millisecond in which
// it was stored; nil, which becomes NULL, for ever.
func lifetime(ttl time.Duration) *int64 {
	if ttl == cache.Forever {
		return nil
	}
	ms := int64(ttl / time.Millisecond)
	if ttl%time.Millisecond > 0 {
		ms++
	}
	ms = max(ms, 1)
	return &ms
}

// Touch implements cache.Expirer. For MaxEntries it counts as writing.
func (s *Store) Touch(ctx context.Context, key string, ttl time.Duration) (found bool, err error) {
	n, err := s.write(ctx, "touch", s.sql.touch, nil, key, lifetime(ttl))
	return n > 0, err
}

// TTL implements cache.Expirer.
func (s *Store) TTL(ctx context.Context, key string) (ttl time.Duration, found bool, err error) {
	var left *int64
	err = s.read(ctx, "ttl", s.sql.ttl, func(r row) error {
		found = true
		return r.Scan(&left)
	}, key)
	switch {
	case err != nil || !found:
		return 0, false, err
	case left == nil:
		return cache.Forever, true, nil
	case *left > math.MaxInt64/int64(time.Millisecond):
		return cache.Forever - 1, true, nil // nearly
	}
	return time.Duration(*left) * time.Millisecond, true, nil
}
