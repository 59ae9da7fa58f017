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
	printExplanation(newScreen(s.out), x)
	return nil
}

func printExplanation(out *screen, x console.Explanation) {
	out.line("%s %s: %s", x.Method, oneLine(x.URL), out.paint(bold, oneLine(x.Reason)))
	out.hang(2, "", x.Verdict)
	for _, step := range x.Steps {
		mark := out.paint(green, "+")
		if !step.OK {
			mark = out.paint(red, "-")
		}
		out.hang(nameColumn, "  "+mark+" "+oneLine(step.Name), step.Detail)
	}
	fact := func(name, value string) {
		if value != "" {
			out.hang(nameColumn, "    "+name, oneLine(value))
		}
	}
	if x.Code != "" {
		out.hang(nameColumn, "  "+out.paint(red, "-")+" code", oneLine(x.Code))
	}
	for _, part := range x.Key {
		fact("key: "+oneLine(part.Name), part.Value)
	}
	if x.LifeFrom != "" {
		fact("fresh for", fmt.Sprintf("%v by %s", x.Life, x.LifeFrom))
		fact("age", x.Age.Round(time.Millisecond).String())
	}
	fact("tier", x.Tier)
	fact("tags", strings.Join(x.Tags, ", "))
	for _, d := range x.Recent {
		text := d.Reason
		if d.Kept != "" {
			text += ", then " + d.Kept
		}
		text += " (" + d.Tier + ")"
		if d.Details != nil && d.Details.Code != "" {
			text += " at " + d.Details.Code
		}
		fact(d.Time.Format("15:04:05.000"), text)
	}
}
