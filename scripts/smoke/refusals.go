package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// refusalLimit is how long the app may take to refuse a bad configuration.
// The promise is a second; the rest is for a busy machine.
const refusalLimit = 5 * time.Second

// secret is the password in bad configurations. No message may show it.
const secret = "open-sesame"

// refusals starts the app with configurations that it has to refuse.
func (s *smoke) refusals(ctx context.Context) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.report("refusals", err)
		return
	}
	defer taken.Close()
	addr := taken.Addr().String()
	tests := []struct {
		name, env string
		code      int
		says      string
	}{
		{"malformed REDIS_URL", "REDIS_URL=redis://:" + secret + "@localhost:port/1", 2, "REDIS_URL"},
		{"malformed DATABASE_URL", "DATABASE_URL=postgres://u:" + secret + "@localhost:port/d", 2, "DATABASE_URL"},
		{"malformed duration", "CACHE_TTL=soon", 2, "CACHE_TTL"},
		{"port taken", "ADDR=" + addr, 1, addr},
	}
	for i, test := range tests {
		dir := filepath.Join(s.dir, fmt.Sprintf("refusal-%d", i))
		err := os.Mkdir(dir, 0o700)
		if err == nil {
			err = s.refusal(ctx, dir, test.env, test.code, test.says)
		}
		s.report("refused: "+test.name, err)
	}
}

func (s *smoke) refusal(ctx context.Context, dir, env string, code int, says string) error {
	ctx, cancel := context.WithTimeout(ctx, refusalLimit)
	defer cancel()
	out, err := s.command(ctx, dir, "example-app", []string{env}).CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Errorf("not refused within %v:\n%s", refusalLimit, out)
	}
	var exit *exec.ExitError
	switch {
	case !errors.As(err, &exit) || exit.ExitCode() != code:
		return fmt.Errorf("ended with %v, want exit status %d:\n%s", err, code, out)
	case !strings.Contains(string(out), says):
		return fmt.Errorf("the message does not name %s:\n%s", says, out)
	case strings.Contains(string(out), secret):
		return fmt.Errorf("the message shows the password:\n%s", out)
	}
	return nil
}
