package memory

import (
	"math"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// entry is one value. It is never changed once it is in the store: readers hold
// it without a lock. What changes a value or its lifetime puts a new one there.
type entry struct {
	bytes    []byte
	object   any
	isObject bool
	expires  int64 // nanoseconds on the store's clock
	size     int64 // bytes that it counts for, key and bookkeeping included
}

const (
	never = math.MaxInt64
	// overhead is what an entry needs besides key and value: 150 to 190 bytes
	// for otter and the entry itself, measured on 1,000 to 1,500,000 of them,
	// and some for the size classes of the heap.
	overhead = 256
)

func (s *Store) newEntry(key string, value []byte, ttl time.Duration) *entry {
	if value == nil {
		value = []byte{} // nil stands for a miss
	}
	return &entry{bytes: value, expires: s.expiry(ttl), size: sizeOf(key, len(value))}
}

func sizeOf(key string, value int) int64 { return int64(len(key)) + int64(value) + overhead }

// with returns a copy of e that holds other bytes for the same time.
func (e *entry) with(key string, value []byte) *entry {
	return &entry{bytes: value, expires: e.expires, size: sizeOf(key, len(value))}
}

// until returns a copy of e that expires at another time.
func (e *entry) until(expires int64) *entry {
	other := *e
	other.expires = expires
	return &other
}

// expiry is the instant at which ttl is over. What is beyond the year 2262 never
// is.
func (s *Store) expiry(ttl time.Duration) int64 {
	now := s.clock.NowNano()
	if ttl == cache.Forever || int64(ttl) > never-max(now, 0) {
		return never
	}
	return now + int64(max(ttl, time.Millisecond))
}
