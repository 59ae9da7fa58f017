package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/testenv"
)

// onTerminal runs the command on a terminal of so many columns, which script(1)
// makes, and types the answer.
func onTerminal(t *testing.T, columns int, answer string, vars []string, args ...string) (code int, seen string) {
	t.Helper()
	if out, _ := exec.Command("script", "--version").CombinedOutput(); !strings.Contains(string(out), "util-linux") {
		t.Fatalf("script(1) of util-linux is needed for a terminal: apt-get install bsdutils (%q)", out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
	}
	command := exec.CommandContext(ctx, "script", "-qec", fmt.Sprintf("stty cols %d rows 40; exec '%s' %s", columns, os.Args[0], strings.Join(quoted, " ")), "/dev/null")
	command.Dir = t.TempDir()
	command.Env = append([]string{asCommand + "=1", "HOME=" + command.Dir, "PATH=" + os.Getenv("PATH"), "TERM=xterm-256color", "SHELL=/bin/sh"}, vars...)
	command.Stdin = strings.NewReader(answer)
	var out strings.Builder
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), out.String()
}

// put stores something under the keys.
func put(t *testing.T, redisURL string, keys ...string) {
	t.Helper()
	conn, err := redis.DialURL(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for _, key := range keys {
		if _, err := conn.Do("SET", key, "x"); err != nil {
			t.Fatal(err)
		}
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")

// On a terminal there are colours and bars, in no more columns than it has; without
// one, or with NO_COLOR, there are none.
func TestTerminal(t *testing.T) {
	t.Parallel()
	r := testenv.Redis(t)
	vars := []string{"REDIS_URL=" + r.URL, "CACHE_PREFIX=" + r.Prefix}
	code, seen := onTerminal(t, 50, "", vars, "check", "--pings=1")
	if code != exitOK && code != exitFailed {
		t.Errorf("exit %d\n%s", code, seen)
	}
	if !strings.Contains(seen, "\x1b[32m") {
		t.Errorf("no colours:\n%q", seen)
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(escapes.ReplaceAllString(seen, ""), "\r", ""), "\n") {
		// A single word may be longer: it is to be copied.
		if text := strings.TrimSpace(line); utf8.RuneCountInString(line) > 50 && strings.Contains(text, " ") && !strings.HasPrefix(text, "redis ") && !strings.Contains(text, r.Prefix) {
			t.Errorf("%d columns: %q", utf8.RuneCountInString(line), line)
		}
	}
	for name, more := range map[string][]string{"NO_COLOR": {"NO_COLOR=1"}, "a dumb terminal": {"TERM=dumb"}} {
		if _, seen := onTerminal(t, 80, "", append(vars, more...), "check", "--pings=1"); strings.Contains(seen, "\x1b[3") {
			t.Errorf("%s: colours:\n%q", name, seen)
		}
	}
	if _, out, errs := program(t, vars, "check", "--pings=1"); strings.Contains(out+errs, "\x1b") {
		t.Errorf("without a terminal: %q", out+errs)
	}
}

func TestBarsOnATerminal(t *testing.T) {
	t.Parallel()
	r := testenv.Redis(t)
	vars := []string{"REDIS_URL=" + r.URL, "CACHE_PREFIX=" + r.Prefix}
	keys := make([]string, 3000)
	for i := range keys {
		keys[i] = fmt.Sprintf("%s:1:v:%d@g", r.Prefix, i)
	}
	fill := func() { put(t, r.URL, keys...) }
	fill()
	code, seen := onTerminal(t, 60, "y\n", vars, "clear")
	for _, want := range []string{"values     3000", "Go on? [y/N]", "clearing", "/3000", "Cleared; 3000 entries freed."} {
		if !strings.Contains(seen, want) {
			t.Errorf("exit %d, no %q in %q", code, want, seen)
		}
	}
	fill()
	if code, out, errs := program(t, vars, "clear", "--yes"); code != 0 || strings.Contains(out+errs, "clearing") || strings.ContainsAny(out+errs, "\x1b\r") {
		t.Errorf("without a terminal: exit %d, %q", code, out+errs)
	}
	if code, out, errs := program(t, vars, "clear"); code != exitFailed || !strings.Contains(out, "Nothing was changed.") {
		t.Errorf("without a terminal, nobody answers: exit %d, %q", code, out+errs)
	}
	s := startSite(t)
	if code, seen := onTerminal(t, 60, "", s.vars, "warm", home, "http://example.org/two", "http://example.org/three"); code != 0 || !strings.Contains(seen, "warming") || !strings.Contains(seen, "3 pages, 0 failed.") {
		t.Errorf("warm: exit %d, %q", code, seen)
	}
}
