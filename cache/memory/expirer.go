package memory

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/echoic-go/echoic/cache"
)

// Touch implements cache.Expirer.
func (s *Store) Touch(ctx context.Context, key string, ttl time.Duration) (found bool, err error) {
	c, err := s.open(ctx)
	if err != nil {
		return false, err
	}
	_, found = c.ComputeIfPresent(key, func(e *entry) (*entry, otter.ComputeOp) {
		s.bytes.Add(e.size) // removed takes it off for the one that is replaced
		return e.until(s.expiry(ttl)), otter.WriteOp
	})
	return found, nil
}

// TTL implements cache.Expirer.
func (s *Store) TTL(ctx context.Context, key string) (ttl time.Duration, found bool, err error) {
	c, err := s.open(ctx)
	if err != nil {
		return 0, false, err
	}
	e, ok := c.GetEntryQuietly(key)
	if !ok {
		return 0, false, nil
	}
	if e.Value.expires == never {
		return cache.Forever, true, nil
	}
	return max(time.Duration(e.Value.expires-e.SnapshotAtNano), 1), true, nil
}
