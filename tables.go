package echoic

import (
	"context"
	"errors"
	"fmt"

	"github.com/echoic-go/echoic/cache/database"
)

// Table is a table that cache or sessions need.
type Table struct {
	Name     string  // what it is for
	Database Backend // where it is
	SQL      string  // what creates it
}

// Tables creates the tables of cache and sessions where they are missing, or
// with dryRun only says which and how. Any number of processes may do it at
// once. Without a database there are none.
func Tables(ctx context.Context, cfg Config, dryRun bool) (tables []Table, err error) {
	var owned resources
	defer func() { err = errors.Join(err, owned.Close()) }()
	plan := cfg.Plan()
	if plan.Sessions == Postgres || plan.Sessions == SQLite {
		_, t, err := newSessionStore(ctx, cfg, &owned)
		if err != nil {
			return tables, fmt.Errorf("sessions: %w", err)
		}
		if !dryRun {
			if err := t.CreateTable(ctx); err != nil {
				return tables, err
			}
		}
		tables = append(tables, Table{Name: "sessions", Database: plan.Sessions, SQL: t.Schema()})
	}
	if plan.Database == "" {
		return tables, nil
	}
	store, err := database.Open(ctx, database.Config{URL: cfg.DatabaseURL, Logger: cfg.Logger})
	if err != nil {
		return tables, fmt.Errorf("cache: %w", err)
	}
	owned.add(store)
	if !dryRun {
		if err := store.CreateTable(ctx); err != nil {
			return tables, err
		}
	}
	return append(tables, Table{Name: "cache", Database: plan.Database, SQL: store.Schema()}), nil
}
