package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/console"
)

// purgeCommand is echoic purge.
type purgeCommand struct {
	Tag    []string `placeholder:"TAG" sep:"none" help:"Everything that carries the tag. May be repeated."`
	URL    []string `name:"url" placeholder:"URL" sep:"none" help:"The page of a URL, in all variants: http://example.org/path."`
	Prefix []string `placeholder:"URL" sep:"none" help:"All pages whose URL starts so."`
	Key    []string `placeholder:"GLOB" sep:"none" help:"The values whose keys match."`
	Soft   bool     `help:"Serve what is purged stale while it is made anew."`
	DryRun bool     `help:"Say what would be touched and change nothing."`
	Yes    bool     `short:"y" help:"Do not ask."`
}

// Validate is called by the parser.
func (c *purgeCommand) Validate() error {
	if len(c.purges()) == 0 {
		return errors.New("nothing to purge: give --tag, --url, --prefix or --key (echoic clear drops everything)")
	}
	for _, p := range c.purges() {
		if p.Target == "" {
			return fmt.Errorf("--%s is empty: name what to purge", p.By)
		}
	}
	return nil
}

func (c *purgeCommand) purges() (list []console.Purge) {
	for _, kind := range []struct {
		by      string
		targets []string
	}{{console.ByTag, c.Tag}, {console.ByURL, c.URL}, {console.ByPrefix, c.Prefix}, {console.ByKey, c.Key}} {
		for _, target := range kind.targets {
			list = append(list, console.Purge{By: kind.by, Target: target, Soft: c.Soft})
		}
	}
	return list
}

// purgeReport is what --json prints.
type purgeReport struct {
	DryRun   bool              `json:"dry_run"`
	Previews []console.Preview `json:"previews"`
	Purged   []console.Purged  `json:"purged"`
}

// Run shows what would be touched, asks, and purges.
func (c *purgeCommand) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) (err error) {
	o, err := open(ctx, cfg, s, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	report := purgeReport{DryRun: c.DryRun, Previews: []console.Preview{}, Purged: []console.Purged{}}
	out := newScreen(s.out)
	for _, p := range c.purges() {
		v, err := o.Preview(ctx, p)
		if err != nil {
			return target(err)
		}
		report.Previews = append(report.Previews, v)
		if !g.JSON {
			printPreview(out, v)
		}
	}
	switch {
	case c.DryRun && g.JSON:
		return printJSON(s.out, report)
	case c.DryRun:
		out.line("Dry run: nothing was changed.")
		return nil
	case !c.Yes && g.JSON:
		return &exitError{exitUsage, "--json does not ask: add --yes or --dry-run"}
	case !c.Yes && !confirmed(s):
		out.line("Nothing was changed.")
		return errFailed
	}
	for _, p := range c.purges() {
		done, err := o.Purge(ctx, p)
		if err != nil {
			return target(err)
		}
		report.Purged = append(report.Purged, done)
		if !g.JSON {
			out.line("Purged %s %s: %s.", p.By, oneLine(p.Target), oneLine(done.Detail))
		}
	}
	if g.JSON {
		return printJSON(s.out, report)
	}
	return nil
}

func printPreview(out *screen, v console.Preview) {
	text := v.Touches
	switch {
	case v.Known && v.Estimate:
		text += fmt.Sprintf("; about %d", v.Count)
	case v.Known:
		text += fmt.Sprintf("; %d", v.Count)
	default:
		text += "; how many is not known"
	}
	out.line("%s %s", v.By, oneLine(v.Target))
	out.hang(2, "", text)
	for _, key := range v.Examples {
		out.line("    %s", oneLine(key.Name))
	}
}

// target makes a question that makes no sense a usage error.
func target(err error) error {
	var wrong *console.TargetError
	if errors.As(err, &wrong) {
		return &exitError{exitUsage, wrong.Reason}
	}
	return err
}
