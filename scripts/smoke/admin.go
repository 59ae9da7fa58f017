package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// order is a command for the running app, and what it has to say.
type order struct {
	args []string
	says string
}

// running asks the running app by its admin socket, as an operator would: what it
// says of the home page, and whether a purge and a warm-up do what they say.
func (s *smoke) running(ctx context.Context, dir string, m mode, a *app) {
	home := a.base + "/"
	for _, o := range []order{
		{[]string{"stats"}, "requests"},
		{[]string{"stats", "--json"}, `"pages"`},
		{[]string{"explain", home}, "served from the store"},
		{[]string{"explain", home}, "key: host"},
		{[]string{"keys"}, "page"},
		{[]string{"get", home}, "</html>"},
		{[]string{"ttl", home}, "m"},
		{[]string{"purge", "--url", home, "--dry-run"}, "nothing was changed"},
		{[]string{"explain", home}, "served from the store"},
		{[]string{"purge", "--url", home, "--yes"}, "Purged url"},
		{[]string{"explain", home}, "uri-miss"},
		{[]string{"warm", home}, "1 pages, 0 failed"},
		{[]string{"explain", home}, "served from the store"},
		{[]string{"sessions", "list", "nobody"}, "0 sessions"},
		{[]string{"latency", "-n", "2"}, ""},
	} {
		s.report(fmt.Sprintf("%s: echoic %s", m.name, strings.Join(o.args, " ")), s.order(ctx, dir, m, o))
	}
	s.report(m.name+": the home page after the warm-up is a hit", isWarm(ctx, home))
}

func (s *smoke) order(ctx context.Context, dir string, m mode, o order) error {
	out, err := s.command(ctx, dir, "echoic", m.env, o.args...).CombinedOutput()
	switch {
	case err != nil:
		return fmt.Errorf("%w\n%s", err, out)
	case !strings.Contains(string(out), o.says):
		return fmt.Errorf("it does not say %q:\n%s", o.says, out)
	case bytes.Contains(out, []byte("reading the stores")):
		return fmt.Errorf("it did not ask the app:\n%s", out)
	case bytes.ContainsRune(out, '\x1b'):
		return fmt.Errorf("there is no terminal, and it prints escape codes:\n%q", out)
	}
	return nil
}

func isWarm(ctx context.Context, url string) error {
	p, err := get(ctx, url)
	if err == nil && !isHit(p.header.Get("Cache-Status")) {
		err = fmt.Errorf("Cache-Status %q", p.header.Get("Cache-Status"))
	}
	return err
}

func gone(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, errors.Join(err, errors.New("it is still there")))
	}
	return nil
}
