package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/echoic-go/echoic"
)

// tablesCommand is echoic create-tables.
type tablesCommand struct {
	DryRun bool `help:"Print the SQL and change nothing."`
}

// Run creates the tables and names them.
func (c *tablesCommand) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) error {
	tables, err := echoic.Tables(ctx, cfg, c.DryRun)
	if g.JSON {
		if err != nil {
			return err
		}
		return printJSON(s.out, struct {
			DryRun bool           `json:"dry_run"`
			Tables []echoic.Table `json:"tables"`
		}{c.DryRun, tables})
	}
	for _, t := range tables {
		if c.DryRun {
			fmt.Fprintf(s.out, "-- %s, in %s\n%s\n", t.Name, t.Database, strings.TrimSpace(t.SQL))
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
