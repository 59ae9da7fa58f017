package cache

import (
	"context"
	"iter"
	"time"
)

// Store keeps bytes under keys for a while. It is the seam between the cache
// and its backends: package cachetest holds the suite that every Store must
// pass, and a Store of your own that passes it works everywhere in Echoic.
//
// A Store is safe for concurrent use. Every call honours the deadline and
// cancellation of its context, and returns an error that wraps [ErrClosed]
// after Close. Keys are non-empty, printable and at most 512 bytes; a Store
// need not check them. A miss is not an error.
//
// What else a Store can do it says by implementing [ManyStore], [Expirer],
// [Counter], [Swapper], [Lister] or [ObjectStore].
type Store interface {
	// Get returns the bytes under key. Absent and expired both read as
	// nil, false, nil. The returned slice may be shared with the store and
	// must not be modified; it stays valid for as long as it is held.
	Get(ctx context.Context, key string) (value []byte, found bool, err error)

	// Set keeps value under key for ttl, replacing value and lifetime of
	// what was there, if when allows it, and reports whether it stored.
	// The slice belongs to the store from then on. The ttl is [Forever] or
	// positive; resolution is at least one millisecond, and a ttl below one
	// millisecond counts as one.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration, when When) (stored bool, err error)

	// Delete removes the keys and reports how many of them held a value
	// that had not expired. No keys is fine.
	Delete(ctx context.Context, keys ...string) (removed int, err error)

	// Close frees what the store holds, stops its goroutines and waits for
	// them. It is idempotent. It does not remove stored values from a
	// backend that outlives the process.
	Close() error
}

// When is the condition under which a value is stored. It is checked and acted
// on in one atomic step.
type When uint8

const (
	// Always stores whatever is there.
	Always When = iota
	// IfAbsent stores only where nothing is, or what is there has expired.
	IfAbsent
	// IfPresent stores only over a value that has not expired.
	IfPresent
)

// ManyStore reads and writes many keys in one round trip per node, or in one
// SQL statement. Without it the cache calls Get and Set key by key.
type ManyStore interface {
	// GetMany returns one value a key, in the order of keys, nil for a miss
	// (an empty value is an empty slice that is not nil). Keys may repeat.
	// The slices are shared as those of Get are.
	GetMany(ctx context.Context, keys []string) (values [][]byte, err error)

	// SetMany keeps every item, as Set with Always would, and returns the
	// keys of those that it could not keep. An error means that the state
	// of all of them is unknown.
	SetMany(ctx context.Context, items []Item) (failed []string, err error)
}

// Item is one value of [ManyStore.SetMany].
type Item struct {
	Key   string
	Value []byte
	TTL   time.Duration // as in [Store.Set]
}

// Expirer reads and changes lifetimes without reading values.
type Expirer interface {
	// Touch gives the value under key a new lifetime, counted from now, and
	// reports whether there was one. Forever takes the expiry away, and is
	// true also for a value that already had none.
	Touch(ctx context.Context, key string, ttl time.Duration) (found bool, err error)

	// TTL returns what is left of the lifetime of the value under key:
	// positive, or Forever for a value without expiry. found is false for a
	// miss, and then ttl is zero.
	TTL(ctx context.Context, key string) (ttl time.Duration, found bool, err error)
}

// Counter adds to integers atomically. The integer is kept as its decimal
// digits, so that Get returns them and Set may write them.
type Counter interface {
	// Incr adds delta, which may be negative, and returns the sum. It keeps
	// the lifetime. Where nothing is (or it has expired) it returns
	// ErrNotFound if create is nil, and else stores create.Initial + delta
	// with create.TTL in the same atomic step. A value that is no decimal
	// integer of 64 bits is ErrNotInteger, a sum beyond 64 bits ErrOverflow;
	// both leave the value as it was.
	Incr(ctx context.Context, key string, delta int64, create *Initial) (sum int64, err error)
}

// Initial is what [Counter.Incr] starts from where nothing is.
type Initial struct {
	Value int64
	TTL   time.Duration // as in [Store.Set]
}

// Swapper changes a value only if it is still the one that was read.
type Swapper interface {
	// Swap replaces old under key by value with lifetime ttl, in one atomic
	// step, and reports whether it did. A nil value removes the key. Nothing
	// there, or other bytes than old, is false, nil.
	Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (swapped bool, err error)
}

// Lister finds keys. It never blocks the backend for long (SCAN, not KEYS).
type Lister interface {
	// Keys yields the keys that start with the literal prefix and have not
	// expired, in no particular order. A key that is there during the whole
	// iteration is yielded at least once, and may be yielded more than once;
	// one that comes or goes meanwhile may or may not be. An error ends the
	// iteration and comes with an empty key.
	Keys(ctx context.Context, prefix string) iter.Seq2[string, error]
}

// ObjectStore is a store inside the process that can hold a decoded value as
// it is. Pages and fragments kept there are never encoded. Object and byte
// values share keys, lifetimes, limits and eviction: a Get of an object's key
// is a miss, and Object of a byte value's key too.
type ObjectStore interface {
	// Object returns the value under key. It is shared by all who read it,
	// and must not be modified.
	Object(key string) (value any, found bool)

	// SetObject keeps value for ttl. Size is its weight in bytes against
	// the limit of the store.
	SetObject(key string, value any, size int, ttl time.Duration) (stored bool)

	// PurgeEpoch is a number that changes with every purge of tags kept in
	// this store. While it stands still, tags that were valid are valid.
	PurgeEpoch() *Epoch
}
