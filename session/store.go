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
// A Store that can go through all sessions implements [Lister] too, one that
// knows whose they are [Indexer].
type Store interface {
	// Fetch returns what is kept under key. Absent and expired both read as
	// found == false. The data belong to the caller.
	Fetch(ctx context.Context, key string) (rec Record, found bool, err error)

	// Insert keeps a new record, if nothing is under key, not even an expired
	// record, and reports whether it did. It must not keep rec.Data. An
	// [Indexer] may refuse it with ErrRevoked.
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
	// Owner says whose session it is, for an [Indexer]. Insert is told, and
	// Update and Swap where its Until has moved; what is read comes without.
	Owner Owner
}

// Owner says whose session a record is. The zero Owner is nobody.
type Owner struct {
	// User is a hash of the user's ID, Login names the login: 1 to 64 of
	// A-Z a-z 0-9 - _.
	User, Login string
	// Since is the stamp that Indexer.Stamp gave to the login.
	Since int64
	// Until is when the session ends at the latest, however busy.
	Until time.Time
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

// Deliberate is a Store whose changes a database decides. They may take until
// Config.Timeout, for they have to be durable before they are acknowledged;
// reads, and the touch of a session that was only read, end with the request's
// budget as with every store.
type Deliberate interface {
	// Deliberate does nothing.
	Deliberate()
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

// Indexer is a Store that knows which sessions are whose, so that a user can see
// his sessions and end them, without going through those of all others.
//
// Stamps order logins and revocations. One is a positive number, by the clock of
// the store in microseconds, and greater than that of every earlier revocation of
// the user.
type Indexer interface {
	// Stamp returns the stamp of a login that begins now.
	Stamp(ctx context.Context, user string) (since int64, err error)

	// Owned yields the sessions of the user that have not expired, as Each of
	// [Lister] does: those whose Insert with that Owner has returned. It may
	// yield one that has another owner since.
	Owned(ctx context.Context, user string) iter.Seq2[Entry, error]

	// Revoke makes every Insert that has not returned yet return [ErrRevoked],
	// if its Owner was revoked: it is neither found nor yielded after that. It
	// removes nothing that is there. It returns the stamp of a login that
	// begins now, or ErrRevoked and does nothing if r.By was revoked before.
	Revoke(ctx context.Context, r Revocation) (since int64, err error)
}

// Revocation says which logins are worth nothing from now on.
type Revocation struct {
	// User is whose logins are meant: that of Owner.
	User string
	// Login is the one that is meant. Empty: all that began before now.
	Login string
	// By is the stamp of the login that asks. Zero: none, nothing is checked.
	// Only with an empty Login.
	By int64
	// Until is how long it has to be remembered.
	Until time.Time
}
