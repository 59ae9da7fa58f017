package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/echoic-go/echoic/cache"
)

// Errors that callers branch on. They come wrapped: test with errors.Is.
var (
	// ErrNoTable is any call before the tables were created.
	ErrNoTable = errors.New("the table does not exist: run echoic create-tables, or set AutoCreate")
	// ErrPruned is a Position after which rows have been removed already, so
	// that nobody knows what came after it.
	ErrPruned = errors.New("the journal has forgotten what came after this position: start again from End")
	// ErrUnknownPosition is a Position of another journal, or of a past that
	// this one has lost, as a database does that is restored from a backup.
	ErrUnknownPosition = errors.New("the position is not of this journal: start again from End")
)

// errClosed is what every call returns after Close.
var errClosed = fmt.Errorf("journal: %w", cache.ErrClosed)

// problem wraps what went wrong in op.
func (j *Journal) problem(ctx context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case j.engine.noTable(err):
		return fmt.Errorf("journal: %s: table %s: %w (%w)", op, j.table, ErrNoTable, err)
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		return fmt.Errorf("journal: %s: %w (%w)", op, ctx.Err(), err)
	}
	return fmt.Errorf("journal: %s: %w", op, err)
}
