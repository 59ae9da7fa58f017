package main

import (
	"context"
	"errors"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/console"
)

// explainCommand is echoic explain.
type explainCommand struct {
	URL string `arg:"" help:"Scheme, host and path, as in http://example.org/path."`
}

// Run says what the cache would do with a request.
func (c *explainCommand) Run(ctx context.Context, cfg echoic.Config, g *globals, s streams) (err error) {
	o, err := open(ctx, cfg, s, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	x, err := o.Explain(ctx, console.Question{URL: c.URL})
	if err != nil {
		return target(err)
	}
	if g.JSON {
		return printJSON(s.out, x)
	}
	out := newScreen(s.out)
	out.line("%s %s: %s", x.Method, oneLine(x.URL), out.paint(bold, oneLine(x.Reason)))
	out.hang(2, "", x.Verdict)
	for _, step := range x.Steps {
		mark := out.paint(green, "+")
		if !step.OK {
			mark = out.paint(red, "-")
		}
		out.hang(nameColumn, "  "+mark+" "+oneLine(step.Name), step.Detail)
	}
	for _, d := range x.Recent {
		text := d.Reason
		if d.Kept != "" {
			text += ", then " + d.Kept
		}
		out.hang(nameColumn, "    "+d.Time.Format("15:04:05.000"), text+" ("+d.Tier+")")
	}
	return nil
}
