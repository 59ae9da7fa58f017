package memory

import (
	"context"

	"github.com/echoic-go/echoic/cache"
)

// GetMany implements cache.ManyStore.
func (s *Store) GetMany(ctx context.Context, keys []string) (values [][]byte, err error) {
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	values = make([][]byte, len(keys))
	for i, key := range keys {
		if e, ok := c.GetIfPresent(key); ok && !e.isObject {
			values[i] = e.bytes
		}
	}
	return values, nil
}

// SetMany implements cache.ManyStore. Only values above Config.MaxBytes fail.
func (s *Store) SetMany(ctx context.Context, items []cache.Item) (failed []string, err error) {
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if !s.put(c, item.Key, s.newEntry(item.Key, item.Value, item.TTL), cache.Always) {
			failed = append(failed, item.Key)
		}
	}
	return failed, nil
}
