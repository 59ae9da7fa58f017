package main

import (
	"context"
	"fmt"

	"github.com/echoic-go/echoic"
)

// tablesCommand is echoic create-tables.
type tablesCommand struct {
	DryRun bool `help:"Print the SQL and change nothing."`
}

// Run creates or prints the tables.
func (c *tablesCommand) Run(ctx context.Context, cfg echoic.Config, s streams) error {
	tables, err := echoic.Tables(ctx, cfg, c.DryRun)
	for _, t := range tables {
		if c.DryRun {
			fmt.Fprintf(s.out, "-- %s, in %s\n%s\n", t.Name, t.Database, t.SQL)
		} else {
			fmt.Fprintf(s.out, "ok    table %s is there, in %s\n", t.Name, t.Database)
		}
	}
	if err != nil {
		return err
	}
	if len(tables) == 0 {
		fmt.Fprintln(s.out, "Nothing to do: neither cache nor sessions are in a database.")
	}
	return nil
}
