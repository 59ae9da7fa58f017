package sqlite_test

import (
	"bufio"
	"os/exec"
	"testing"
)

// killAfter runs cmd until it has printed n lines, kills it with SIGKILL and
// returns the lines.
func killAfter(t *testing.T, cmd *exec.Cmd, n int) []string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for scanner := bufio.NewScanner(out); len(lines) < n && scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if len(lines) < n {
		t.Fatalf("the process stored %d sessions, want %d", len(lines), n)
	}
	return lines
}
