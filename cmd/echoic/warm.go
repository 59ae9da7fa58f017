package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/console/admin"
)

// warmCommand is echoic warm.
type warmCommand struct {
	URLs []string `arg:"" optional:"" name:"url" help:"Scheme, host and path each."`
	File string   `placeholder:"FILE" type:"existingfile" help:"A file with one URL a line."`

	Sitemap []string `placeholder:"URL" sep:"none" help:"A sitemap of the site, or an index of them. May be repeated."`
	Top     int      `placeholder:"N" help:"So many of the pages that were wanted most since the application was started, 1 to 256."`
	Rate    float64  `default:"50" placeholder:"50" help:"How many pages at most in a second, up to 1000."`
}

// Validate is called by the parser.
func (c *warmCommand) Validate() error {
	switch {
	case c.Top < 0 || c.Top > 256:
		return fmt.Errorf("--top is %d: use 1 to 256", c.Top)
	case !(c.Rate > 0 && c.Rate <= 1000):
		return fmt.Errorf("--rate is %v: use more than 0, at most 1000", c.Rate)
	}
	return nil
}

// Run lets the application fill its cache.
func (c *warmCommand) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) error {
	urls, err := c.list()
	if err != nil {
		return err
	}
	if cfg.AdminSocket == "" {
		return &exitError{exitConnect, "only a running application can make its pages: set ADMIN_SOCKET to its socket"}
	}
	client, err := admin.Dial(cfg.AdminSocket, cfg.AdminToken)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	var all []admin.Warmed
	failed := 0
	told, done := progress(s, len(urls))
	order := admin.WarmOrder{URLs: urls, Sitemaps: c.Sitemap, Top: c.Top, PerSecond: c.Rate}
	err = client.Warm(ctx, order, func(one admin.Warmed) {
		all = append(all, one)
		if one.Problem != "" || one.Status >= 400 {
			failed++
		}
		told(one)
	})
	done()
	if err != nil {
		return target(err)
	}
	if g.JSON {
		err = printJSON(s.out, all)
	} else {
		printWarmed(newScreen(s.out), all, failed)
	}
	if failed > 0 {
		return errFailed
	}
	return err
}

func (c *warmCommand) list() ([]string, error) {
	urls := c.URLs
	if c.File != "" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); line != "" {
				urls = append(urls, line)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", c.File, err)
		}
	}
	if len(urls) == 0 && len(c.Sitemap) == 0 && c.Top == 0 {
		return nil, &exitError{exitUsage, "nothing to do: give URLs, --file, --sitemap or --top"}
	}
	return urls, nil
}

// progress shows a bar on a terminal. How many pages there are is known when the first
// has been warmed: sitemaps are read by the application.
func progress(s streams, n int) (told func(admin.Warmed), done func()) {
	bar := newBar(s, max(n, 1), "warming")
	if bar == nil {
		return func(admin.Warmed) {}, func() {}
	}
	return func(one admin.Warmed) {
		if one.Total > bar.GetMax() {
			bar.ChangeMax(one.Total)
		}
		_ = bar.Add(1)
	}, func() { _ = bar.Finish() }
}

func printWarmed(out *screen, all []admin.Warmed, failed int) {
	for _, one := range all {
		what := fmt.Sprintf("%d %s", one.Status, one.Took.Round(time.Microsecond))
		if one.Problem != "" {
			what = one.Problem
		}
		out.line("%s  %s", oneLine(one.URL), oneLine(what))
	}
	out.line("%d pages, %d failed.", len(all), failed)
}
