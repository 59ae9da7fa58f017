package database

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/metrics"
)

// Stats are numbers since the store was made.
type Stats struct {
	// Calls is the time that statements took, those that failed included.
	Calls metrics.Latency
	// Errors counts the statements that failed, by whosever fault.
	Errors uint64
}

// Stats returns the numbers.
func (s *Store) Stats() Stats {
	return Stats{Calls: s.calls.took.Snapshot(), Errors: s.calls.errors.Load()}
}

type calls struct {
	took   metrics.Histogram
	errors atomic.Uint64
}

func (c *calls) note(began time.Time, err error) {
	c.took.Observe(time.Since(began))
	if err != nil {
		c.errors.Add(1)
	}
}

// Rows counts the rows of the table, those that have expired and were not removed
// yet included, but no more than most: the result is most if there are more.
func (s *Store) Rows(ctx context.Context, most int) (n int, err error) {
	err = s.read(ctx, "count", s.sql.count, func(r row) error { return r.Scan(&n) }, most)
	return n, err
}
