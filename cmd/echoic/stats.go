package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/console"
)

// statsCommand is echoic stats.
type statsCommand struct {
	Watch    bool          `short:"w" help:"Print a line every interval until interrupted."`
	Interval time.Duration `default:"2s" placeholder:"2s" help:"How often, from 1s."`
}

// Validate is called by the parser.
func (c *statsCommand) Validate() error {
	if c.Interval < time.Second {
		return fmt.Errorf("--interval is %v: use at least 1s", c.Interval)
	}
	return nil
}

// Run prints numbers.
func (c *statsCommand) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) (err error) {
	o, err := open(ctx, cfg, s, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	if c.Watch {
		return c.watch(ctx, o, g, s)
	}
	v, err := o.Overview(ctx)
	if err != nil {
		return err
	}
	if g.JSON {
		return printJSON(s.out, v)
	}
	printStats(newScreen(s.out), v, o.live)
	return nil
}

func (c *statsCommand) watch(ctx context.Context, o *opened, g *globals, s streams) error {
	out := newScreen(s.out)
	ticker := time.NewTicker(c.Interval)
	defer ticker.Stop()
	if !g.JSON {
		out.line("%-8s %10s %6s %10s %10s %10s %8s", "time", "requests", "hits", "misses", "entries", "bytes", "waiting")
	}
	for {
		v, err := o.Overview(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case g.JSON:
			if err := printJSON(s.out, v); err != nil {
				return err
			}
		default:
			entries, bytes := held(v)
			out.line("%-8s %10d %5.1f%% %10d %10d %10d %8d", v.Time.Format(time.TimeOnly), v.Pages.Requests, 100*v.Pages.HitRate(), v.Pages.Misses, entries, bytes, v.Pages.Waiting)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// held is what the first stores hold.
func held(v console.Overview) (entries, bytes int64) {
	for _, store := range v.Stores {
		if store.Role != "fallback" {
			entries, bytes = entries+store.Entries, bytes+store.Bytes
		}
	}
	return entries, bytes
}

func printStats(out *screen, v console.Overview, live bool) {
	out.line("%s, prefix %s: cache in %s, sessions in %s", oneLine(v.Env), oneLine(v.Prefix), v.Cache, v.Sessions)
	row := func(name, format string, args ...any) { out.hang(nameColumn, "  "+name, fmt.Sprintf(format, args...)) }
	for _, store := range v.Stores {
		text := fmt.Sprintf("%s %s %s: %d entries, %d bytes", store.Kind, store.Addr, store.Version, store.Entries, store.Bytes)
		if store.MaxBytes > 0 {
			text += fmt.Sprintf(" of %d", store.MaxBytes)
		}
		if !store.OK {
			text = store.Kind + " " + store.Addr + ": " + store.Problem
		}
		row(store.Role, "%s", text)
	}
	if v.Keyspace != nil {
		row("keys", "about %d: %d pages, %d fragments, %d values, %d sessions", v.Keyspace.Total, v.Keyspace.Kinds["page"], v.Keyspace.Kinds["fragment"], v.Keyspace.Kinds["value"], v.Keyspace.Kinds["session"])
	}
	if v.Count != nil {
		row("sessions", "%d", v.Count.Sessions)
	}
	row("journal", "%d rows, durable: %v", v.Journal.Length, v.Journal.Durable)
	if !live {
		return // the rest are numbers of a process
	}
	row("pages", "%d requests, %.1f%% without a handler: %d hits, %d stale, %d shared, %d misses, %d bypassed", v.Pages.Requests, 100*v.Pages.HitRate(), v.Pages.Hits, v.Pages.Stale, v.Pages.Collapsed, v.Pages.Misses, v.Pages.Bypassed)
	row("values", "%d hits, %d misses, %d errors", v.Values.Hits, v.Values.Misses, v.Values.Errors)
	row("fragments", "%d hits, %d misses", v.Fragments.Hits, v.Fragments.Misses)
	if v.Near != nil {
		row("near", "%d entries, %d bytes of %d, verified: %v", v.Near.Entries, v.Near.Bytes, v.Near.MaxBytes, v.Near.Verified)
	}
	if v.Breaker != nil {
		row("breaker", "%s, opened %d times", v.Breaker.State, v.Breaker.Opened)
	}
}

// latencyCommand is echoic latency.
type latencyCommand struct {
	Count int `short:"n" default:"200" placeholder:"N" help:"How many questions to each server, 1 to 10000."`
}

// Validate is called by the parser.
func (c *latencyCommand) Validate() error {
	if c.Count < 1 || c.Count > 10_000 {
		return fmt.Errorf("--count is %d: use 1 to 10000", c.Count)
	}
	return nil
}

// Run asks every server for its latency.
func (c *latencyCommand) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) error {
	report, err := echoic.Audit(ctx, cfg, echoic.AuditOptions{Pings: c.Count})
	if err != nil {
		return err
	}
	if g.JSON {
		if report.Servers == nil {
			report.Servers = []echoic.ServerReport{}
		}
		err = printJSON(s.out, report.Servers)
	} else {
		out := newScreen(s.out)
		for _, server := range report.Servers {
			if server.Pings.Count > 0 {
				out.line("%s %s: min %v, p50 %v, p99 %v of %d", server.Kind, oneLine(server.Addr), server.Pings.Min, server.Pings.P50, server.Pings.P99, server.Pings.Count)
			}
		}
		if len(report.Servers) == 0 && report.Connected() {
			out.line("There is no server: cache and sessions are on this machine.")
		}
	}
	for _, check := range report.Checks {
		if !check.OK && (check.Name == "redis" || check.Name == "postgres") {
			return &exitError{exitConnect, check.Name + ": " + check.Detail}
		}
	}
	return err
}
