package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/echoic-go/echoic"
)

// countPatience is how long what would be dropped is counted.
const countPatience = 2 * time.Second

// clearCommand is echoic clear.
type clearCommand struct {
	Yes    bool `short:"y" help:"Do not ask."`
	DryRun bool `help:"Say what would be dropped and change nothing."`
}

// clearReport is what --json prints.
type clearReport struct {
	DryRun bool               `json:"dry_run"`
	Found  *echoic.CacheCount `json:"found"` // null if it could not be counted
	Freed  int                `json:"freed"`
}

// Run says how much there is, asks, clears, and frees what was cleared.
func (c *clearCommand) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) error {
	if g.JSON && !c.Yes && !c.DryRun {
		return &exitError{exitUsage, "--json does not ask: add --yes or --dry-run"}
	}
	if cfg.Plan().Cache == echoic.Memory {
		fmt.Fprintln(s.err, "echoic: the cache is in the application's own memory, which no other program reaches.\nRestart the application, or keep the cache elsewhere: set REDIS_URL.")
		return errFailed
	}
	report := clearReport{DryRun: c.DryRun}
	n, err := echoic.CountCache(ctx, cfg, countPatience)
	switch {
	case err == nil:
		report.Found = &n
	case c.DryRun || !c.Yes:
		return err
	}
	out := newScreen(s.out)
	if !g.JSON {
		printFound(out, cfg, report.Found)
	}
	switch {
	case c.DryRun && g.JSON:
		return printJSON(s.out, report)
	case c.DryRun:
		out.line("Dry run: nothing was changed.")
		return nil
	case !c.Yes && !confirmed(s):
		out.line("Nothing was changed.")
		return errFailed
	}
	told, done := freeing(s, report.Found)
	report.Freed, err = echoic.ClearCache(ctx, cfg, told)
	done()
	if err != nil {
		return err
	}
	if g.JSON {
		return printJSON(s.out, report)
	}
	out.line("Cleared; %d entries freed.", report.Freed)
	return nil
}

// printFound says what is about to be dropped.
func printFound(out *screen, cfg echoic.Config, n *echoic.CacheCount) {
	text := fmt.Sprintf("This drops all pages, fragments and values under the prefix %q in %s. Sessions stay.", cfg.CachePrefix, cfg.Plan().Cache)
	for _, line := range wrap(printable(text), out.width) {
		out.line("%s", line)
	}
	if n == nil {
		out.line("How many there are could not be counted.")
		return
	}
	more := ""
	if !n.Complete {
		more = "at least "
	}
	out.line("  %-10s %s%d", "pages", more, n.Pages)
	out.line("  %-10s %s%d", "fragments", more, n.Fragments)
	out.line("  %-10s %s%d", "values", more, n.Values)
}

// freeing shows on a terminal how far it is. Where it is not known how many there
// are, it counts.
func freeing(s streams, n *echoic.CacheCount) (told func(freed int), done func()) {
	total := -1
	if n != nil && n.Complete {
		total = n.Total()
	}
	bar := newBar(s, total, "clearing")
	if bar == nil || total == 0 {
		return nil, func() {}
	}
	return func(freed int) { _ = bar.Set(freed) }, func() { _ = bar.Finish() }
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
