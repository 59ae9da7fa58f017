package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/console"
)

// keysCommand is echoic keys.
type keysCommand struct {
	Pattern string `arg:"" optional:"" default:"*" help:"A glob, a part of a name, or a URL. Defaults to everything."`
	Limit   int    `default:"100" placeholder:"N" help:"How many at most, up to 1000."`
}

// Run lists what is stored; sessions are never among it.
func (c *keysCommand) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) (err error) {
	o, err := open(ctx, cfg, s, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	found, err := o.Search(ctx, console.Query{Text: c.Pattern, Limit: c.Limit})
	if err != nil {
		return target(err)
	}
	if g.JSON {
		return printJSON(s.out, found)
	}
	out := newScreen(s.out)
	for _, key := range found.Keys {
		out.line("%-9s %s", key.Kind, oneLine(key.Name))
	}
	if !found.Complete {
		fmt.Fprintf(s.err, "echoic: not all of them: looked at %d keys; give a longer pattern or a higher --limit\n", found.Looked)
	}
	return nil
}

// getCommand is echoic get.
type getCommand struct {
	Key string `arg:"" help:"The key of a value, the URL of a page, or a key as keys --json shows it."`
}

// Run shows one thing, decoded.
func (c *getCommand) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) error {
	e, err := look(ctx, cfg, s, c.Key)
	if err != nil {
		return err
	}
	if g.JSON {
		return printJSON(s.out, e)
	}
	out := newScreen(s.out)
	out.line("%s %s", e.Kind, oneLine(e.Name))
	fact := func(name, value string) {
		if value != "" {
			out.hang(nameColumn, "  "+oneLine(name), value)
		}
	}
	if !e.Current {
		fact("not served", e.Why)
	}
	fact("ttl", lifetime(e))
	fact("size", fmt.Sprintf("%d bytes, %d as stored", e.Size, e.Stored))
	fact("tags", strings.Join(e.Tags, ", "))
	fact("private", e.Private)
	for _, f := range e.Facts {
		fact(f.Name, f.Value)
	}
	if e.Text != "" {
		out.line("\n%s", printable(e.Text))
	}
	return nil
}

// ttlCommand is echoic ttl.
type ttlCommand struct {
	Key string `arg:"" help:"As for get."`
}

// Run prints what is left of a lifetime.
func (c *ttlCommand) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) error {
	e, err := look(ctx, cfg, s, c.Key)
	if err != nil {
		return err
	}
	if g.JSON {
		return printJSON(s.out, struct {
			Key     string        `json:"key"`
			Forever bool          `json:"forever"`
			TTL     time.Duration `json:"ttl_ns"`
		}{e.Name, e.Expires.IsZero(), e.TTL})
	}
	newScreen(s.out).line("%s", lifetime(e))
	return nil
}

func lifetime(e console.Entry) string {
	if e.Expires.IsZero() {
		return "forever"
	}
	return e.TTL.Round(time.Millisecond).String()
}

// look finds one thing.
func look(ctx context.Context, cfg echoic.Config, s streams, key string) (e console.Entry, err error) {
	o, err := open(ctx, cfg, s, true)
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	physical, err := physicalKey(ctx, cfg, o, key)
	if err != nil {
		return e, target(err)
	}
	if physical != "" {
		var found bool
		if e, found, err = o.Inspect(ctx, physical); err != nil {
			return e, target(err)
		} else if found {
			return e, nil
		}
	}
	return e, &exitError{exitFailed, fmt.Sprintf("nothing is stored under %s: echoic keys lists what is", oneLine(key))}
}

// physicalKey is the key in the store; empty if nothing was found.
func physicalKey(ctx context.Context, cfg echoic.Config, o *opened, key string) (string, error) {
	if strings.HasPrefix(key, cfg.CachePrefix+":") {
		return key, nil
	}
	if app, ok := o.operator.(*echoic.App); ok && !strings.Contains(key, "://") {
		return app.Cache.PhysicalValue(ctx, key)
	}
	literal := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(key)
	if strings.Contains(key, "://") {
		literal = key
	}
	found, err := o.Search(ctx, console.Query{Text: literal, Limit: 1000})
	if err != nil {
		return "", err
	}
	for _, k := range found.Keys {
		if k.Name == key {
			return k.Key, nil
		}
	}
	return "", nil
}
