package journal

import (
	"context"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// engine is the way to the rows of one domain.
type engine interface {
	// append adds rows in one transaction and returns their numbers, ascending,
	// in the order of list. It may add them twice if a connection breaks.
	append(ctx context.Context, list []cache.Invalidation) (transaction uint64, ids []int64, err error)
	// read returns the first visible rows after the position, at most limit, of
	// one kind if it is not zero.
	read(ctx context.Context, after Position, kind cache.InvalidationKind, limit int) (page, error)
	// look returns what is known of the domain and of a position.
	look(ctx context.Context, about Position) (knowledge, error)
	// renew gives the domain another identity if it still has this one, and
	// removes rows that cannot be of this database's past.
	renew(ctx context.Context, old Identity) error
	// prune removes at most batch of the oldest rows that are settled and
	// older than age, and writes down up to where.
	prune(ctx context.Context, age time.Duration, batch int) (removed int, err error)
	// count counts the rows of the domain, up to most.
	count(ctx context.Context, most int) (int, error)
	// follow begins to read what becomes visible.
	follow(ctx context.Context) (feed, error)

	create(ctx context.Context) error
	schema() string
	noTable(err error) bool
	close() error
}

// knowledge is what look finds.
type knowledge struct {
	journal Identity
	// pruned is the last row in order that has been removed.
	pruned Position
	// end is the last settled row, or pruned.
	end Position
	// known says that the row at the position is there.
	known bool
	// future says that there are rows of transactions that this database has
	// not had yet: they were copied from another one.
	future bool
}

// feed follows the rows of one domain, for one goroutine.
type feed interface {
	// next calls each, in pieces, with the rows after the position at the first
	// call, and after that with those that have become visible since the call
	// before. It returns the horizon of the moment that it looked at.
	next(ctx context.Context, after Position, each func([]Row)) (horizon uint64, err error)
	// wait returns when there may be something new, and else after d.
	wait(ctx context.Context, d time.Duration) error
	close()
}
