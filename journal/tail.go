package journal

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/metrics"
)

const (
	// shortPoll is the first pause where rows wait to be settled. It doubles.
	shortPoll = 10 * time.Millisecond
	// retryLeast and retryMost bound the pause before the next attempt to
	// reach the database.
	retryLeast, retryMost = 20 * time.Millisecond, 500 * time.Millisecond
)

// tail follows the journal and delivers its rows.
type tail struct {
	journal *Journal
	poll    time.Duration
	logger  *slog.Logger
	order   order // of the goroutine
	feed    feed  // of the goroutine, nil: none
	all     bool  // there was no table at the start: every row is new

	settled   atomic.Pointer[Position]
	heard     atomic.Int64 // UnixNano of the last read that succeeded
	delivered atomic.Uint64
	reads     atomic.Uint64
	failures  atomic.Uint64
	delay     metrics.Histogram

	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

func newTail(j *Journal, cfg Config) *tail {
	t := &tail{journal: j, poll: cfg.Poll, logger: cfg.Logger, cancel: func() {}}
	t.settled.Store(&Position{})
	return t
}

// start finds the end of the journal. Rows that are visible are not delivered,
// all others will be. Where the table is missing, everything will be.
func (t *tail) start(ctx context.Context) error {
	err := t.connect(ctx)
	if err == nil {
		err = t.read(ctx, func([]Row) {})
	}
	if err != nil && !t.journal.engine.noTable(err) {
		t.disconnect()
		return err
	}
	t.all = err != nil
	// Not the caller's context, which may end when Open has returned.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t.cancel = cancel
	t.tasks.Go(func() { t.run(running) })
	return nil
}

func (t *tail) stop() {
	t.cancel()
	t.tasks.Wait()
}

// run follows until ctx ends, and connects again whenever it has to.
func (t *tail) run(ctx context.Context) {
	defer t.disconnect()
	pause, failing := retryLeast, false
	for {
		err := t.follow(ctx, func() {
			if failing {
				t.logger.Info("journal: follows the journal again", "table", t.journal.table.String())
			}
			pause, failing = retryLeast, false
		})
		if ctx.Err() != nil {
			return
		}
		t.disconnect()
		t.failures.Add(1)
		if !failing {
			t.logger.Warn("journal: cannot follow the journal", "table", t.journal.table.String(), "error", err)
		}
		failing = true
		// Not in step with the other servers.
		if !sleep(ctx, pause/2+rand.N(pause/2)) {
			return
		}
		pause = min(2*pause, retryMost)
	}
}

// follow delivers until something fails. well is called after every read.
func (t *tail) follow(ctx context.Context, well func()) error {
	if t.feed == nil {
		if err := t.connect(ctx); err != nil {
			return err
		}
	}
	pause := t.poll
	for {
		before := t.delivered.Load()
		if err := t.read(ctx, t.deliver); err != nil {
			return err
		}
		well()
		switch {
		case len(t.order.pending) == 0:
			pause = t.poll
		case t.delivered.Load() != before:
			pause = min(shortPoll, t.poll)
		default:
			pause = min(2*pause, t.poll)
		}
		if err := t.feed.wait(ctx, pause); err != nil {
			return err
		}
	}
}

// connect finds out whether the journal is the one that was followed so far.
func (t *tail) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last := t.order.settled
	know, err := t.journal.engine.look(ctx, last)
	if err != nil {
		return err
	}
	lost := know.future || !last.IsZero() && (know.journal != last.Journal ||
		!know.known && last.Compare(know.pruned) > 0)
	if lost && (know.future || know.journal == last.Journal) {
		if err := t.journal.engine.renew(ctx, know.journal); err != nil {
			return err
		}
		if know, err = t.journal.engine.look(ctx, Position{}); err != nil {
			return err
		}
	}
	if t.feed, err = t.journal.engine.follow(ctx); err != nil {
		return err
	}
	switch {
	case lost:
		t.logger.Warn("journal: the database has lost rows; everything is invalid", "table", t.journal.table.String())
		t.order.restart(know.at(know.end))
		t.deliverLoss()
	case last.IsZero() && t.all:
		t.order.restart(know.at(know.pruned))
	case last.IsZero():
		t.order.restart(know.at(know.end))
	case last.Compare(know.pruned) < 0: // away for longer than rows are kept
		t.logger.Warn("journal: rows were removed before they were read; everything is invalid", "table", t.journal.table.String())
		t.order.restart(know.at(know.pruned))
		t.deliverLoss()
	}
	t.publish()
	return nil
}

func (t *tail) disconnect() {
	if t.feed != nil {
		t.feed.close()
		t.feed = nil
	}
}

// read takes what the feed has, and then knows more of the order.
func (t *tail) read(ctx context.Context, deliver func([]Row)) error {
	horizon, err := t.feed.next(ctx, t.order.settled, func(rows []Row) {
		if rows = t.order.add(rows); len(rows) > 0 {
			deliver(rows)
		}
	})
	if err != nil {
		return err
	}
	t.order.advance(horizon)
	t.reads.Add(1)
	t.publish()
	return nil
}

// publish says what has been delivered, after it has been.
func (t *tail) publish() {
	settled := t.order.settled
	t.settled.Store(&settled)
	t.heard.Store(time.Now().UnixNano())
}

func (t *tail) deliver(rows []Row) {
	t.delivered.Add(uint64(len(rows)))
	now := time.Now()
	for _, row := range rows {
		t.delay.Observe(now.Sub(row.Created))
	}
	for _, each := range t.journal.subscribers.all() {
		each(rows)
	}
}

// deliverLoss tells what nobody knows in detail. (At the start there is nobody
// to tell.)
func (t *tail) deliverLoss() {
	t.deliver([]Row{{Invalidation: cache.Invalidation{Kind: cache.InvalidAll}, Created: time.Now()}})
}

// sleep reports whether d has passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// identity is that of the journal whose rows are being delivered, for
// subscribers.
func (t *tail) identity() Identity { return t.order.settled.Journal }
