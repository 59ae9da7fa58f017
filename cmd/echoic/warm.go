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
	err = client.Warm(ctx, urls, func(one admin.Warmed) {
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
	if len(urls) == 0 {
		return nil, &exitError{exitUsage, "nothing to do: give URLs, or --file"}
	}
	return urls, nil
}

// progress shows a bar on a terminal.
func progress(s streams, n int) (told func(admin.Warmed), done func()) {
	bar := newBar(s, n, "warming")
	if bar == nil {
		return func(admin.Warmed) {}, func() {}
	}
	return func(admin.Warmed) { _ = bar.Add(1) }, func() { _ = bar.Finish() }
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
