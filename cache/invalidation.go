package cache

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// Invalidation says that something which was stored is not to be served any
// more. It never holds a value. It is what a [Journal] keeps.
type Invalidation struct {
	Kind InvalidationKind
	// Name is what the kind says it is.
	Name string
}

// InvalidationKind says what an [Invalidation] is about.
type InvalidationKind byte

// The kinds. Their letters are part of what a journal stores: do not reuse one.
const (
	// InvalidTag is a purged tag. Name is the tag.
	InvalidTag InvalidationKind = 't'
	// InvalidTagSoftly is a tag purged softly: pages that carry it may be served
	// stale while they are made anew. Name is the tag.
	InvalidTagSoftly InvalidationKind = 'u'
	// InvalidAll is a Clear: values, pages and fragments. Name is empty.
	InvalidAll InvalidationKind = 'g'
	// InvalidValues are all plain values, but no pages or fragments. Name is
	// empty.
	InvalidValues InvalidationKind = 'v'
	// InvalidKey is one plain value. Name is its key in the store without the
	// generation at its end.
	InvalidKey InvalidationKind = 'k'
	// InvalidSession is a session that has ended or whose token was renewed.
	// Name is the key under which the session store keeps it, which is a hash
	// of the token wherever tokens are hashed at rest.
	InvalidSession InvalidationKind = 's'
	// PeerDegraded is a server that has lost the store which it shares with
	// the others, and lives on its fallback. Until it says that it is back,
	// the others write down plain values that change. Name is the server.
	PeerDegraded InvalidationKind = 'd'
	// PeerBack is a server that has the shared store again. Name is the server.
	PeerBack InvalidationKind = 'b'
)

// String returns the kind as people call it.
func (k InvalidationKind) String() string {
	switch k {
	case InvalidTag:
		return "tag"
	case InvalidTagSoftly:
		return "tag, softly"
	case InvalidAll:
		return "all"
	case InvalidValues:
		return "values"
	case InvalidKey:
		return "key"
	case InvalidSession:
		return "session"
	case PeerDegraded:
		return "peer degraded"
	case PeerBack:
		return "peer back"
	}
	return fmt.Sprintf("InvalidationKind(%q)", byte(k))
}

// outdates reports whether what was made before may be out of date: it is not where
// a server only says how it is.
func (i Invalidation) outdates() bool { return i.Kind != PeerDegraded && i.Kind != PeerBack }

// Journal is the durable log of invalidations. Every invalidation is written to
// it before it is acknowledged, and before the store hears of it: a store that
// comes back with old data is told again. Package journal has it, on Postgres,
// SQLite and in memory.
//
// A Journal is safe for concurrent use.
type Journal interface {
	// Append keeps the invalidations, all or none, and returns when they are
	// as durable as the journal is. None is fine. After an error it is
	// unknown whether they were kept; the invalidation was not acknowledged
	// then, and may be tried again.
	Append(ctx context.Context, list ...Invalidation) (Receipt, error)

	// Applied says that the shared store has heard all that the receipt is
	// for, so that nobody else needs to tell it. It never fails: who does not
	// learn of it tells the store again, which costs some misses.
	Applied(ctx context.Context, receipt Receipt)
}

// Receipt is where in a journal something was kept. The zero Receipt is
// nothing.
type Receipt struct {
	// Transaction orders what is visible: the transaction in which it was
	// written. Zero where the journal has none.
	Transaction uint64
	// First and Last are the numbers of the first and the last row.
	First, Last int64
}

// IsZero reports whether nothing was kept.
func (r Receipt) IsZero() bool { return r == Receipt{} }

// Verifier is asked before anything in a shared store is trusted: on the first
// connection, and after one of its servers has been replaced or has restarted,
// perhaps from an old dump. It tells the store what the journal says that it
// should know, and returns nil when the store can be trusted. While it runs, and
// if it fails, everybody else finds the store unavailable.
//
// store is a view of the shared store that is open for the Verifier alone.
type Verifier func(ctx context.Context, store Store, servers []Incarnation) error

// Incarnation is one run of one server process behind a shared store.
type Incarnation struct {
	// RunID is new with every start of the process.
	RunID string
	// Place, as a part of a key, makes this server the one that keeps the key.
	// It is empty where there is only one, and a hash tag ("{…}") on a Cluster.
	Place string
}

// Renewer writes the tokens of tags in one round trip to each server. Without
// it the cache compares and swaps them one by one.
type Renewer interface {
	// Renew keeps token, of [TokenBytes] bytes, under each of the keys for
	// ttl, except where a token with a greater sequence number
	// (its last eight bytes, big endian) is already: that one stays. Each key
	// gets a token of its own: tokens[i] belongs to keys[i].
	Renew(ctx context.Context, keys []string, tokens [][]byte, ttl time.Duration) error
}

// TokenBytes is the length of a token: eight random bytes and the sequence
// number of the purge that made it.
const TokenBytes = tokenSize

// TokenSequence returns the sequence number in an encoded token, and false for
// what is none.
func TokenSequence(token []byte) (uint64, bool) {
	if len(token) != tokenSize {
		return 0, false
	}
	return binary.BigEndian.Uint64(token[8:]), true
}
