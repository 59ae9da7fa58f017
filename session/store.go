package session

import (
	"context"
	"iter"
	"time"
)

// Store keeps the data of sessions under opaque keys. It is the seam between
// the manager and its backends: package sessiontest holds the suite that every
// Store must pass.
//
// Each method is one atomic step. That is what keeps ended sessions ended: the
// store itself, not its caller, decides whether there is something to change.
//
// A Store is safe for concurrent use, also by several servers on one backend.
// Every call honours the deadline of its context, and returns an error that
// wraps [ErrClosed] after the store was closed. Times have at least millisecond
// resolution. An absent key is not an error. Errors never contain keys or data.
//
// A Store that can go through all sessions implements [Lister] too.
type Store interface {
	// Fetch returns what is kept under key. Absent and expired both read as
	// found == false. The data belong to the caller.
	Fetch(ctx context.Context, key string) (rec Record, found bool, err error)

	// Insert keeps a new record, if nothing is under key, not even an expired
	// record, and reports whether it did. It must not keep rec.Data.
	Insert(ctx context.Context, key string, rec Record) (inserted bool, err error)

	// Update replaces data and expiry of a record that has not expired, and
	// reports whether there was one; where there is none it stores nothing.
	// Nil data leave the data as they are and move only the expiry.
	Update(ctx context.Context, key string, rec Record) (updated bool, err error)

	// Remove deletes what is under key and reports whether it was there and
	// had not expired. Of several calls at once, one is told true.
	Remove(ctx context.Context, key string) (removed bool, err error)
}

// Record is one stored session.
type Record struct {
	// Data is the encoded session.
	Data []byte
	// Expiry is when the store forgets it.
	Expiry time.Time
}

// Swapper is a Store that can tell whether a record has changed. With it, requests
// that change different keys of one session at the same time lose nothing. All
// stores of Echoic have it.
type Swapper interface {
	// Swap is Update, if the record has not expired and its data are old, byte
	// for byte; rec.Data is not nil. It reports whether they were. Of several
	// calls at once with the same old and different new data, one is told true.
	Swap(ctx context.Context, key string, old []byte, rec Record) (swapped bool, err error)
}

// Lister goes through the sessions of a store.
type Lister interface {
	// Each yields every session that has not expired, in no particular
	// order, and holds neither lock nor connection while the caller looks at
	// one: the caller may use the store. A session that is there during the
	// whole iteration is yielded at least once, and may be yielded more than
	// once. An error ends the iteration and comes with a zero Entry.
	Each(ctx context.Context) iter.Seq2[Entry, error]
}

// Entry is one session and the key that it is stored under.
type Entry struct {
	Key string
	Record
}
