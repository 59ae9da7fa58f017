package journal

import (
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Row is one invalidation in the journal.
type Row struct {
	// ID is the row's number in the table. It is zero for an invalidation of
	// everything that stands for rows which the database has lost.
	ID int64
	// Transaction is the one that wrote the row; zero where the journal has
	// none.
	Transaction uint64
	cache.Invalidation
	// Outbox says that the row was written in a transaction of the
	// application's, after which nobody told the shared store.
	Outbox bool
	// Created is when it was written, by the clock of the database.
	Created time.Time
	// Own says that this very Journal wrote it.
	Own bool
}

// newest is more than any transaction: nothing older than what is visible is
// under way.
const newest = ^uint64(0)

// page is a stretch of the journal as it is visible at one moment.
type page struct {
	rows []Row
	// horizon is the oldest transaction that was under way. Rows of older ones
	// are complete.
	horizon uint64
}

// settled reports whether nothing can appear before r any more.
func (p page) settled(r Row) bool { return r.Transaction < p.horizon }
