package memory

import (
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Object implements cache.ObjectStore. It allocates nothing. After Close it
// finds nothing.
func (s *Store) Object(key string) (value any, found bool) {
	c := s.live.Load()
	if c == nil {
		return nil, false
	}
	e, ok := c.GetIfPresent(key)
	if !ok || !e.isObject {
		return nil, false
	}
	return e.object, true
}

// SetObject implements cache.ObjectStore. Key and bookkeeping count besides
// size. An object above Config.MaxBytes is not stored, and what it would have
// replaced is removed. After Close nothing is stored.
func (s *Store) SetObject(key string, value any, size int, ttl time.Duration) (stored bool) {
	c := s.live.Load()
	if c == nil {
		return false
	}
	e := &entry{object: value, isObject: true, expires: s.expiry(ttl), size: sizeOf(key, max(size, 0))}
	return s.put(c, key, e, cache.Always)
}

// PurgeEpoch implements cache.ObjectStore. It is the same one for the life of the
// store.
func (s *Store) PurgeEpoch() *cache.Epoch { return &s.epoch }
