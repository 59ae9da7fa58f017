package memory

import (
	"bytes"
	"context"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/echoic-go/echoic/cache"
)

// Swap implements cache.Swapper. A value above Config.MaxBytes is a
// *cache.SizeError, and leaves the old one.
func (s *Store) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (swapped bool, err error) {
	c, err := s.open(ctx)
	if err != nil {
		return false, err
	}
	if size := sizeOf(key, len(value)); size > s.limits.Bytes {
		return false, &cache.SizeError{Key: key, Size: len(value), Limit: int(s.limits.Bytes)}
	}
	c.ComputeIfPresent(key, func(e *entry) (*entry, otter.ComputeOp) {
		if e.isObject || !bytes.Equal(e.bytes, old) {
			return nil, otter.CancelOp
		}
		swapped = true
		if value == nil {
			return nil, otter.InvalidateOp
		}
		next := s.newEntry(key, value, ttl)
		s.bytes.Add(next.size)
		return next, otter.WriteOp
	})
	s.wrote(c)
	return swapped, nil
}
