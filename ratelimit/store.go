package ratelimit

import (
	"context"
	"time"

	"github.com/echoic-go/echoic/ratelimit/internal/bucket"
)

// Charge is one bucket and what is to be put into it: the end of a request's
// time in it. See its fields.
type Charge = bucket.Charge

// Store keeps buckets. Implementations are safe for concurrent use.
type Store interface {
	// Take charges all buckets in one atomic step, or none if one has no room
	// for its charge, by a clock that all who share the store agree on, to the
	// microsecond. It sets Ahead in all charges: max(Floor, how far the bucket
	// is ahead of now, but at most Room), plus Cost if it was allowed. It
	// returns within ctx, and keeps nothing of charges.
	//
	// A bucket belongs to its Key under its tag. One step is about one tag:
	// stores that are spread over servers keep buckets with the same tag
	// together. Both are at most 64 bytes of printable ASCII without braces.
	//
	// An error says that nothing is known: the buckets may have been charged.
	Take(ctx context.Context, tag string, charges []Charge) (allowed bool, err error)
	// Close frees what the store has opened. It is idempotent.
	Close() error
}

// Registry is a Store that knows which servers use it.
type Registry interface {
	// Beat says that the server id is there, and will be for ttl, and returns
	// all servers that are, in any order.
	Beat(ctx context.Context, id string, ttl time.Duration) (ids []string, err error)
}

// Forgetful is a Store that notices when it may have lost buckets.
type Forgetful interface {
	// Losses is how often that has happened. It must be cheap.
	Losses() uint64
}
