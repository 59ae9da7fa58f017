package cache

import (
	"context"
	"errors"
	"log/slog"
)

// journaling is the order in which an invalidation is said: to the journal, to
// the store, and to the journal again that the store has heard.
type journaling struct {
	journal Journal // nil: to the store alone
	last    bool    // the store is as durable as the journal, and comes first
	log     *slog.Logger
}

// write keeps the list in the journal and lets apply tell the store. What is in
// the journal is acknowledged although the store is away: it is told again when
// it is back, and owed says so to this process. An error of owe means that it
// cannot remember, and that nothing is acknowledged.
func (j journaling) write(ctx context.Context, list []Invalidation, apply func(context.Context) error, owe func(debt) error) error {
	if j.journal == nil {
		return heard(apply(ctx))
	}
	if j.last {
		if err := heard(apply(ctx)); err != nil {
			return err
		}
		receipt, err := j.journal.Append(ctx, list...)
		if err == nil { // or it would be done again, and nobody be told
			j.journal.Applied(ctx, receipt)
		}
		return err
	}
	receipt, journalErr := j.journal.Append(ctx, list...)
	within, witness := WithWitness(ctx)
	err := apply(within)
	switch {
	case journalErr != nil:
		return errors.Join(journalErr, err)
	case errors.Is(err, errDeleted): // somebody has to count it yet
		_ = owe(toShared) // the journal remembers what this process cannot
		return nil
	case err != nil:
		j.log.WarnContext(ctx, "cache: invalidation is in the journal, and reaches the store later", "invalidations", len(list), "error", err)
		return owe(toShared | toFallback)
	case witness.Fallback():
		return owe(toShared)
	}
	j.journal.Applied(ctx, receipt)
	return nil
}
