package database

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

const (
	// batchSize bounds what one statement of the upkeep removes, so that it
	// never holds locks for long.
	batchSize = 1000
	// patience bounds one such statement.
	patience = 30 * time.Second
)

// upkeep removes rows in the background: expired ones at an interval, and those
// beyond the limit whenever this process has written a tenth as many as the
// table may hold.
type upkeep struct {
	store    *Store
	most     int
	interval time.Duration
	logger   *slog.Logger

	written atomic.Int64
	due     chan struct{} // holds one while a round is wanted
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
}

func newUpkeep(s *Store, cfg Config) *upkeep {
	return &upkeep{
		store: s, most: cfg.MaxEntries, interval: cfg.PurgeInterval, logger: cfg.Logger,
		due: make(chan struct{}, 1), cancel: func() {},
	}
}

func (u *upkeep) start() {
	if u.interval > 0 || u.most > 0 {
		ctx, cancel := context.WithCancel(context.Background())
		u.cancel = cancel
		u.tasks.Go(func() { u.run(ctx) })
	}
}

// stop ends the round under way and waits for it.
func (u *upkeep) stop() {
	u.cancel()
	u.tasks.Wait()
}

// wrote counts rows that this process has written.
func (u *upkeep) wrote(n int) {
	if u.most == 0 || n == 0 || u.written.Add(int64(n)) <= int64(u.most/10) {
		return
	}
	u.written.Store(0)
	select {
	case u.due <- struct{}{}:
	default: // one is wanted already, and will see these rows
	}
}

func (u *upkeep) run(ctx context.Context) {
	var tick <-chan time.Time
	if u.interval > 0 {
		ticker := time.NewTicker(u.interval)
		defer ticker.Stop()
		tick = ticker.C
	}
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		case <-u.due:
		}
		_, err := u.store.Purge(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, cache.ErrDegraded) {
			continue // callers have all connections; the next round will do
		}
		if err != nil && !failing {
			u.logger.Error("database: rows cannot be removed", "table", u.store.table.String(), "error", err)
		}
		failing = err != nil
	}
}

// Purge removes the rows that have expired, and the least recently written ones
// beyond Config.MaxEntries, in batches of 1000, and returns how many there were.
// It runs by itself; see Config.PurgeInterval.
func (s *Store) Purge(ctx context.Context) (removed int, err error) {
	removed, err = s.inBatches(ctx, func(ctx context.Context) (int, error) {
		return s.engine.write(ctx, s.sql.purge, nil, batchSize)
	})
	if err != nil || s.upkeep.most == 0 {
		return removed, err
	}
	culled, err := s.inBatches(ctx, func(ctx context.Context) (int, error) {
		return s.engine.cull(ctx, s.upkeep.most, batchSize)
	})
	return removed + culled, err
}

// inBatches calls remove until it removes less than a batch.
func (s *Store) inBatches(ctx context.Context, remove func(context.Context) (int, error)) (removed int, err error) {
	for {
		n, err := s.batch(ctx, remove)
		removed += n
		if err != nil || n < batchSize {
			return removed, err
		}
	}
}

func (s *Store) batch(ctx context.Context, remove func(context.Context) (int, error)) (int, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	n, err := remove(ctx)
	return n, s.problem(ctx, "purge", err)
}
