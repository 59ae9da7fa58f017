package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/echoic-go/echoic"
)

// checkCommand is echoic check.
type checkCommand struct {
	All        bool          `help:"Show what is right, too."`
	Strict     bool          `help:"Let warnings fail the check (exit code 1)."`
	Pings      int           `default:"20" placeholder:"N" help:"How often each server is asked for its latency, 1 to 10000."`
	MaxSaveAge time.Duration `default:"2h" placeholder:"2h" help:"How old Redis' last save may be while there are changes since."`
}

// Validate is called by the parser.
func (c *checkCommand) Validate() error {
	if c.Pings < 1 || c.Pings > 10_000 {
		return fmt.Errorf("--pings is %d: use 1 to 10000", c.Pings)
	}
	if c.MaxSaveAge <= 0 {
		return fmt.Errorf("--max-save-age is %v: use a positive duration, as in 2h", c.MaxSaveAge)
	}
	return nil
}

// Run prints the servers, the steps and the checklist.
func (c *checkCommand) Run(ctx context.Context, cfg configuration, g *globals, s streams) error {
	report, err := echoic.Audit(ctx, cfg.Config, echoic.AuditOptions{Pings: c.Pings, MaxSaveAge: c.MaxSaveAge})
	if err != nil {
		return cfg.usage(err)
	}
	slices.SortStableFunc(report.Findings, func(a, b echoic.Finding) int { return place(a.Severity) - place(b.Severity) })
	code := c.code(report)
	if g.JSON {
		err = printJSON(s.out, struct {
			OK   bool `json:"ok"`
			Exit int  `json:"exit"`
			echoic.Report
		}{code == exitOK, code, report})
		if err != nil {
			return err
		}
	} else {
		c.print(newScreen(s.out), report)
	}
	if code != exitOK {
		return &exitError{code: code}
	}
	return nil
}

// code is what the program ends with: what cannot be reached outweighs what is
// wrong with it.
func (c *checkCommand) code(r echoic.Report) int {
	for _, step := range r.Checks[1:] {
		if !step.OK {
			return exitConnect
		}
	}
	if !r.Checks[0].OK || r.Count(echoic.SeverityFail) > 0 || c.Strict && r.Count(echoic.SeverityWarn) > 0 {
		return exitFailed
	}
	return exitOK
}

// level is how a severity is shown.
type level struct {
	severity echoic.Severity
	mark     string
	colour   int
}

// severities are what findings are sorted by, the worst first.
var severities = []level{
	{echoic.SeverityFail, "FAIL", red},
	{echoic.SeverityWarn, "warn", yellow},
	{echoic.SeverityUnknown, "?", cyan},
	{echoic.SeverityNote, "note", 0},
	{echoic.SeverityOK, "ok", green},
}

// place is that of a severity in severities.
func place(s echoic.Severity) int {
	return slices.IndexFunc(severities, func(l level) bool { return l.severity == s })
}

const (
	markColumn = 8  // where text begins behind a mark
	nameColumn = 26 // … and behind a name
)

func (c *checkCommand) print(s *screen, r echoic.Report) {
	s.line("echoic check: %s, prefix %s", printable(r.Env), printable(r.Prefix))
	printServers(s, r.Servers)
	s.title("Connections")
	for _, step := range r.Checks {
		mark := s.paint(green, "ok")
		if !step.OK {
			mark = s.paint(red, "FAIL")
		}
		text := step.Detail
		if took := step.Latency.Round(10 * time.Microsecond); took > 0 && step.OK {
			text += " (" + took.String() + ")"
		}
		if !step.OK && step.Remedy != "" {
			text += "\n-> " + step.Remedy
		}
		s.hang(nameColumn, fmt.Sprintf("  %s%s%s", mark, strings.Repeat(" ", markColumn-2-visibleWidth(mark)), oneLine(step.Name)), text)
	}
	s.title("Checklist")
	c.printFindings(s, r.Findings)
	printSum(s, r)
}

func printServers(s *screen, servers []echoic.ServerReport) {
	if len(servers) == 0 {
		return
	}
	s.title("Servers")
	for _, server := range servers {
		s.line("  %s %s: %s, %s", printable(server.Kind), printable(server.Addr), printable(server.Version), printable(server.Role))
		for _, fact := range server.Facts {
			s.hang(nameColumn, "    "+printable(fact.Name), fact.Value)
		}
		s.hang(nameColumn, "    clock", clock(server.SkewMS))
	}
}

// clock says how far a clock is from ours.
func clock(ms int64) string {
	switch d := time.Duration(ms) * time.Millisecond; {
	case d > 0:
		return d.String() + " ahead"
	case d < 0:
		return (-d).String() + " behind"
	}
	return "as ours"
}

func (c *checkCommand) printFindings(s *screen, findings []echoic.Finding) {
	right := map[string]bool{}
	var names []string
	for _, f := range findings {
		at := severities[place(f.Severity)]
		if f.Severity == echoic.SeverityOK && !c.All {
			if !right[f.ID] {
				names = append(names, f.ID)
			}
			right[f.ID] = true
			continue
		}
		mark := s.paint(at.colour, at.mark)
		s.line("  %s%s%s  (%s)", mark, strings.Repeat(" ", markColumn-2-visibleWidth(mark)), oneLine(f.ID), oneLine(f.Subject))
		text := f.Found
		if f.Remedy != "" && f.Severity != echoic.SeverityOK {
			text += "\n-> " + f.Remedy
		}
		s.hang(markColumn, "", text)
	}
	if len(names) > 0 {
		s.hang(markColumn, "  "+s.paint(green, "ok"), strings.Join(names, ", "))
	}
}

func printSum(s *screen, r echoic.Report) {
	var parts []string
	for _, at := range severities {
		if n := r.Count(at.severity); n > 0 {
			parts = append(parts, s.paint(at.colour, fmt.Sprintf("%d %s", n, at.severity)))
		}
	}
	s.line("\n%s.", strings.Join(parts, ", "))
	failed := 0
	for _, step := range r.Checks {
		if !step.OK {
			failed++
		}
	}
	if failed > 0 {
		s.line("%d of %d connections failed.", failed, len(r.Checks))
		return
	}
	s.line("All %d connections work.", len(r.Checks))
}
