package database

import (
	"context"
	"errors"
	"fmt"

	"github.com/echoic-go/echoic/cache"
)

// ErrNoTable is any call before the table was created. It comes wrapped: test
// with errors.Is.
var ErrNoTable = errors.New("the table does not exist: run echoic create-tables, or set AutoCreate")

// errClosed is what every call returns after Close.
var errClosed = fmt.Errorf("database: %w", cache.ErrClosed)

// errBusy is what a call returns that would have to wait, under Config.NoWait.
var errBusy = fmt.Errorf("database: all connections are in use, and NoWait is set: raise MaxConns, or do without: %w", cache.ErrDegraded)

// problem wraps what went wrong in op.
func (s *Store) problem(ctx context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case s.engine.noTable(err):
		return fmt.Errorf("database: %s: table %s: %w (%w)", op, s.table, ErrNoTable, err)
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		return fmt.Errorf("database: %s: %w (%w)", op, ctx.Err(), err)
	}
	return fmt.Errorf("database: %s: %w", op, err)
}
