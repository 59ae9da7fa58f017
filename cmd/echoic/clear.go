package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/echoic-go/echoic"
)

// clearCommand is echoic clear.
type clearCommand struct {
	Yes bool `short:"y" help:"Do not ask."`
}

// Run asks, clears, and frees what was cleared.
func (c *clearCommand) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) error {
	if g.JSON && !c.Yes {
		return &exitError{exitUsage, "--json does not ask: add --yes"}
	}
	plan := cfg.Plan()
	if plan.Cache == echoic.Memory {
		fmt.Fprintln(s.err, "echoic: the cache is in the application's own memory, which no other program reaches.\nRestart the application, or keep the cache elsewhere: set REDIS_URL.")
		return errFailed
	}
	if !g.JSON {
		fmt.Fprintf(s.out, "This drops all pages, fragments and values under the prefix %q in %s. Sessions stay.\n", cfg.CachePrefix, plan.Cache)
	}
	if !c.Yes && !confirmed(s) {
		fmt.Fprintln(s.out, "Nothing was changed.")
		return errFailed
	}
	freed, err := echoic.ClearCache(ctx, cfg, nil)
	if err != nil {
		return err
	}
	if g.JSON {
		return printJSON(s.out, map[string]int{"freed": freed})
	}
	fmt.Fprintf(s.out, "Cleared; %d entries freed.\n", freed)
	return nil
}

// confirmed asks; whatever is not a clear yes is a no.
func confirmed(s streams) bool {
	fmt.Fprint(s.out, "Go on? [y/N] ")
	answer, _ := bufio.NewReader(s.in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	fmt.Fprintln(s.out)
	return false
}
