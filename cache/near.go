package cache

import "time"

// Near is a tier of decoded values inside this process, in front of a store that
// other processes change too. It hears of their changes and forgets what they
// changed. Package near has it.
//
// A Near is safe for concurrent use. Nothing in it blocks.
type Near interface {
	// Get returns what is held for key. It is shared by all who read it, and
	// must not be modified. Get does not keep key, whose bytes may change when
	// it has returned.
	Get(key string) (value any, found bool)

	// Stamp is taken before the store is read for what Put is to keep.
	Stamp(key string) Stamp

	// Put holds value for ttl at most, [Forever] included, unless key was
	// invalidated since the stamp was taken, and reports whether it does.
	// size is the weight of value in bytes. While invalidations do not
	// arrive, nothing new is held.
	Put(key string, value any, size int, ttl time.Duration, stamp Stamp) bool

	// Forget drops the keys, and what is on its way to them: this process has
	// changed them. It is called before the store is told and again when it
	// has answered.
	Forget(keys ...string)

	// Epoch changes with every change, by whomever, of a key that belongs to
	// the control keys of any cache: the tokens of tags and the generations.
	// While it stands still, tags that were valid are valid.
	Epoch() *Epoch

	// Verified reports whether changes by others arrive. While they do not,
	// what Get returns may be out of date.
	Verified() bool

	// Watch returns a channel that is closed when key is changed by anybody,
	// or when nobody can tell. stop ends the watch; it must be called.
	Watch(key string) (changed <-chan struct{}, stop func())
}

// Stamp is a moment in the life of a key in a [Near].
type Stamp uint64
