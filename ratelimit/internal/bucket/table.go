// Package bucket keeps the buckets of a limiter in memory, bounded, and decides
// as the script in Redis does.
package bucket

import (
	"hash/maphash"
	"sync"
	"time"
)

// Charge is one bucket and what is to be put into it. A bucket is one instant:
// when it will be empty again. How far that is ahead of now is how full it is.
type Charge struct {
	// Key names the bucket.
	Key string
	// Room is how far ahead a bucket may be. Positive.
	Room time.Duration
	// Cost is how far the charge moves it. Zero only looks.
	Cost time.Duration
	// Floor is how far ahead the bucket is at least, before the charge.
	Floor time.Duration
	// Ahead is set by a Store: how far ahead the bucket is, after the charge if
	// it was allowed.
	Ahead time.Duration
}

// Wait is how long it takes until the charge fits, if nobody else comes; zero or
// less if it fits now. It is for a charge that was not allowed.
func (c Charge) Wait() time.Duration { return c.Ahead + c.Cost - c.Room }

const (
	shardCount = 16
	// looks is how many buckets a full table looks at for an empty one.
	looks = 8
	// sharedPerShard is how many buckets there are for keys that find no place.
	sharedPerShard = 256
	// EntryBytes is what a bucket takes at most, with what the map has around
	// it.
	EntryBytes = 64
)

// Table is the buckets. It is safe for concurrent use.
//
// A bucket that is empty says nothing, and makes room. A bucket that is not is
// kept, whoever else comes: nobody can have his own limit forgotten by filling
// the table with keys. When it is full of such buckets, new keys share a fixed
// number of others, by their hash: they are limited more strictly, not less.
type Table struct {
	seed   maphash.Seed
	most   int // buckets in a shard
	shards [shardCount]shard
}

type shard struct {
	mu      sync.Mutex
	buckets map[uint64]time.Duration // when each is empty
	shared  []time.Duration
	spilled uint64
}

// New returns a table for so many buckets, more or less.
func New(most int) *Table {
	return &Table{seed: maphash.MakeSeed(), most: max(1, most/shardCount)}
}

// Take charges all buckets at the instant now, or none if one has no room for
// it, and sets Ahead in all. Charges with the same tag are decided one after the
// other.
func (t *Table) Take(now time.Duration, tag string, charges []Charge) (allowed bool) {
	s := &t.shards[maphash.String(t.seed, tag)%shardCount]
	s.mu.Lock()
	defer s.mu.Unlock()
	allowed = true
	for i := range charges {
		c := &charges[i]
		c.Ahead = max(0, c.Floor, min(c.Room, s.get(t.hash(tag, c.Key), now)-now))
		if c.Cost > 0 && c.Wait() > 0 {
			allowed = false
		}
	}
	if !allowed {
		return false
	}
	for i := range charges {
		if c := &charges[i]; c.Cost > 0 {
			c.Ahead += c.Cost
			s.put(t.hash(tag, c.Key), now, now+c.Ahead, t.most)
		}
	}
	return true
}

func (t *Table) hash(tag, key string) uint64 {
	var h maphash.Hash
	h.SetSeed(t.seed)
	_, _ = h.WriteString(tag) // never fails
	_ = h.WriteByte(0)
	_, _ = h.WriteString(key)
	return h.Sum64()
}

// get returns when the bucket is empty. One that shares its place is as full as
// the place is.
func (s *shard) get(hash uint64, now time.Duration) time.Duration {
	if empty, ok := s.buckets[hash]; ok {
		return empty
	}
	if s.shared != nil {
		return s.shared[hash%sharedPerShard]
	}
	return now
}

func (s *shard) put(hash uint64, now, empty time.Duration, most int) {
	if s.buckets == nil {
		s.buckets = make(map[uint64]time.Duration)
	}
	if _, ok := s.buckets[hash]; ok || len(s.buckets) < most || s.makeRoom(now) {
		s.buckets[hash] = empty
		return
	}
	if s.shared == nil {
		s.shared = make([]time.Duration, sharedPerShard)
	}
	s.spilled++
	place := &s.shared[hash%sharedPerShard]
	*place = max(*place, empty)
}

// makeRoom removes empty buckets among a few, any few: iteration begins
// anywhere.
func (s *shard) makeRoom(now time.Duration) bool {
	seen, removed := 0, false
	for hash, empty := range s.buckets {
		if empty <= now {
			delete(s.buckets, hash)
			removed = true
		}
		if seen++; seen == looks {
			break
		}
	}
	return removed
}

// Clear forgets everything.
func (t *Table) Clear() {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.buckets, s.shared = nil, nil
		s.mu.Unlock()
	}
}

// Len is how many buckets there are, and Spilled how many charges have shared
// one since the start.
func (t *Table) Len() (buckets int, spilled uint64) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		buckets += len(s.buckets)
		spilled += s.spilled
		s.mu.Unlock()
	}
	return buckets, spilled
}
