package journal

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// pruneBatch bounds what one statement removes, so that it never holds locks
// for long.
const pruneBatch = 1000

// pruner removes rows in the background that are older than they need to be.
type pruner struct {
	journal  *Journal
	age      time.Duration
	interval time.Duration
	logger   *slog.Logger

	removed atomic.Uint64
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
}

func (p *pruner) start() {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	if p.interval > 0 {
		p.tasks.Go(func() { p.run(ctx) })
	}
}

func (p *pruner) stop() {
	if p.cancel != nil {
		p.cancel()
	}
	p.tasks.Wait()
}

func (p *pruner) run(ctx context.Context) {
	failing := false
	// Not in step with the other servers.
	for sleep(ctx, p.interval/2+rand.N(p.interval/2+1)) {
		_, err := p.journal.Prune(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			p.logger.Error("journal: rows cannot be removed", "table", p.journal.table.String(), "error", err)
		}
		failing = err != nil
	}
}

// Prune removes the settled rows that are older than Config.Retention, in
// batches of 1000, and returns how many there were. It runs by itself; see
// Config.PruneInterval.
func (j *Journal) Prune(ctx context.Context) (removed int, err error) {
	for {
		n := 0
		err := j.within(ctx, "prune", func() (err error) {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			n, err = j.engine.prune(ctx, j.pruner.age, pruneBatch)
			return err
		})
		removed += n
		j.pruner.removed.Add(uint64(n))
		if err != nil || n == 0 {
			return removed, err
		}
	}
}
