package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/echoic-go/echoic"
)

// checkCommand is echoic check.
type checkCommand struct {
	JSON bool `name:"json" help:"Print the results as JSON."`
}

// Run prints one line a step.
func (c *checkCommand) Run(ctx context.Context, cfg echoic.Config, s streams) error {
	results := echoic.Check(ctx, cfg)
	failed := 0
	for _, r := range results {
		if !r.OK {
			failed++
		}
	}
	if c.JSON {
		enc := json.NewEncoder(s.out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(map[string]any{"ok": failed == 0, "checks": results}); err != nil {
			return err
		}
	} else {
		printResults(s, results, failed)
	}
	if failed > 0 {
		return errFailed
	}
	return nil
}

func printResults(s streams, results []echoic.CheckResult, failed int) {
	for _, r := range results {
		mark := "ok  "
		if !r.OK {
			mark = "FAIL"
		}
		latency := ""
		if r.Latency > 0 {
			latency = " (" + r.Latency.Round(10*time.Microsecond).String() + ")"
		}
		fmt.Fprintf(s.out, "%s  %-14s %s%s\n", mark, r.Name, indent(printable(r.Detail)), latency)
		if !r.OK && r.Remedy != "" {
			fmt.Fprintf(s.out, "      %-14s -> %s\n", "", r.Remedy)
		}
	}
	if failed == 0 {
		fmt.Fprintf(s.out, "All %d checks passed.\n", len(results))
	} else {
		fmt.Fprintf(s.out, "%d of %d checks failed.\n", failed, len(results))
	}
}

// indent aligns further lines with the first.
func indent(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", 21))
}

// printable keeps what came from a server from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (r < ' ' || (r >= 0x7f && r < 0xa0)) {
			return '?'
		}
		return r
	}, text)
}
