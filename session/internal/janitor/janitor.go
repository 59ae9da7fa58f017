// Package janitor runs the background clean-up of the session stores.
package janitor

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// Batch is how many sessions one sweep removes at most, so that it never
	// holds locks for long.
	Batch = 1000
	// DefaultInterval is how often a store cleans up unless told otherwise.
	DefaultInterval = 5 * time.Minute
	// patience bounds one sweep.
	patience = 30 * time.Second
)

// Janitor sweeps in the background until Close.
type Janitor struct {
	sweep  func(context.Context) (int, error)
	logger *slog.Logger
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Start begins to call sweep: every interval (zero: DefaultInterval; negative:
// never), and then until it removes less than a Batch. A nil logger discards.
func Start(interval time.Duration, logger *slog.Logger, sweep func(context.Context) (removed int, err error)) *Janitor {
	if interval == 0 {
		interval = DefaultInterval
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	j := &Janitor{sweep: sweep, logger: logger, cancel: cancel}
	if interval > 0 {
		j.wg.Go(func() { j.run(ctx, interval) })
	}
	return j
}

// Close stops the sweeping and waits for the one under way. It is idempotent.
func (j *Janitor) Close() {
	j.cancel()
	j.wg.Wait()
}

func (j *Janitor) run(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := All(ctx, j.sweep)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			j.logger.Error("session: expired sessions cannot be removed", "error", err)
		}
		failing = err != nil
	}
}

// All calls sweep until it removes less than a Batch.
func All(ctx context.Context, sweep func(context.Context) (removed int, err error)) error {
	for {
		removed, err := once(ctx, sweep)
		if err != nil || removed < Batch {
			return err
		}
	}
}

func once(ctx context.Context, sweep func(context.Context) (int, error)) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return sweep(ctx)
}
