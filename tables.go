package echoic

import (
	"context"
	"errors"
	"fmt"

	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/journal"
)

// Table is a table that cache or sessions need.
type Table struct {
	Name     string  `json:"name"`     // what it is for
	Database Backend `json:"database"` // where it is
	SQL      string  `json:"sql"`      // what creates it
}

// Tables creates the tables of sessions, cache and journal where they are missing,
// or with dryRun only says which and how. Any number of processes may do it at
// once. Without a database there are none.
func Tables(ctx context.Context, cfg Config, dryRun bool) (tables []Table, err error) {
	var owned resources
	defer func() { err = errors.Join(err, owned.Close()) }()
	plan := cfg.Plan()
	for _, kind := range neededTables(plan) {
		t, err := kind.open(ctx, cfg, &owned)
		if err != nil {
			return tables, fmt.Errorf("%s: %w", kind.name, err)
		}
		if !dryRun {
			if err := t.CreateTable(ctx); err != nil {
				return tables, fmt.Errorf("%s: %w", kind.name, err)
			}
		}
		tables = append(tables, Table{Name: kind.name, Database: kind.in, SQL: t.Schema()})
	}
	return tables, nil
}

// tableKind is something that keeps its data in a table.
type tableKind struct {
	name      string
	in        Backend
	relations []string // the tables in the database
	open      func(ctx context.Context, cfg Config, owned *resources) (table, error)
}

func neededTables(plan Plan) (kinds []tableKind) {
	in := plan.Sessions
	if in == Redis { // with the database behind it, if there is one
		in = plan.Database
	}
	if in != "" {
		kinds = append(kinds, tableKind{"sessions", in, []string{"sessions"}, func(ctx context.Context, cfg Config, owned *resources) (table, error) {
			_, t, err := openSessionTable(ctx, cfg, in, owned)
			return t, err
		}})
	}
	if plan.Database == "" {
		return kinds
	}
	kinds = append(kinds, tableKind{"cache", plan.Database, []string{"echoic_cache"}, openCacheTable},
		tableKind{"journal", plan.Database, []string{"echoic_journal", "echoic_journal_state"}, openJournalTable})
	if plan.Cache == Redis {
		kinds = append(kinds, tableKind{"fallback", plan.Database, []string{fallbackTable}, openFallbackTable})
	}
	return kinds
}

func openCacheTable(ctx context.Context, cfg Config, owned *resources) (table, error) {
	return own(owned)(database.Open(ctx, database.Config{URL: cfg.DatabaseURL, Logger: cfg.Logger}))
}

func openFallbackTable(ctx context.Context, cfg Config, owned *resources) (table, error) {
	return own(owned)(database.Open(ctx, fallbackConfig(cfg, cfg.Plan())))
}

func openJournalTable(ctx context.Context, cfg Config, owned *resources) (table, error) {
	j, err := journal.Open(ctx, journal.Config{URL: cfg.DatabaseURL, Domain: cfg.CachePrefix, Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	owned.add(j)
	return j, nil
}

// own hands what was opened to those who close it.
func own(owned *resources) func(*database.Store, error) (table, error) {
	return func(s *database.Store, err error) (table, error) {
		if err != nil {
			return nil, err
		}
		owned.add(s)
		return s, nil
	}
}
