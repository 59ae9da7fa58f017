package journal

import (
	"context"
	"time"

	"github.com/echoic-go/echoic/metrics"
)

// alive is how long ago the journal was heard of at most.
const alive = time.Second

// Stats are numbers since the Journal was opened.
type Stats struct {
	// Delivered counts the rows that arrived, Reads the times that the journal
	// was looked at, Failures the times that it could not be.
	Delivered, Reads, Failures uint64
	// Position is up to where every row has been delivered, for good.
	Position Position
	// Pruned counts the rows that this Journal has removed.
	Pruned uint64
	// Delay is how long after they were written rows arrived, those of this
	// server included: from the clock of the database to that of this machine,
	// whose difference is in it.
	Delay metrics.Latency
}

// Alive reports whether rows arrive: whether the journal answered within the
// last second. What is invalidated while it is not is heard of when it is again.
func (j *Journal) Alive() bool { return !j.closed.Load() && j.Lag() <= alive }

// Lag is how long ago the journal was last known to hold nothing that has not
// been delivered. Without a table it is the time since 1970.
func (j *Journal) Lag() time.Duration {
	return time.Since(time.Unix(0, j.tail.heard.Load()))
}

// Stats returns numbers for people and metrics.
func (j *Journal) Stats() Stats {
	return Stats{
		Delivered: j.tail.delivered.Load(), Reads: j.tail.reads.Load(), Failures: j.tail.failures.Load(),
		Position: j.Settled(), Pruned: j.pruner.removed.Load(), Delay: j.tail.delay.Snapshot(),
	}
}

// Settled returns up to where every row has been delivered to subscribers and
// none will appear any more. It takes no round trip.
func (j *Journal) Settled() Position { return *j.tail.settled.Load() }

// countSQL reads an index of the domain's rows.
const countSQL = `SELECT count(*) FROM (SELECT 1 FROM {table} WHERE domain = $1 LIMIT $2) AS counted`

// Length counts the rows of the domain that are kept, but no more than most: the
// result is most if there are more.
func (j *Journal) Length(ctx context.Context, most int) (n int, err error) {
	err = j.within(ctx, "count", func() error {
		n, err = j.engine.count(ctx, most)
		return err
	})
	return n, err
}
