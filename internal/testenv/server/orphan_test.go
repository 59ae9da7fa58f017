package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

// childVariable makes TestChildHoldsServers do its part when this test binary
// is started by TestServersEndWithTheirProcess.
const childVariable = "ECHOIC_TESTENV_CHILD"

// held is what the child tells about what it started.
type held struct {
	Dir      string
	Addrs    []string
	Watchdog int
}

// TestChildHoldsServers is half a test: in a process of its own it starts
// servers and holds them until it is killed.
func TestChildHoldsServers(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		return
	}
	ws, err := server.NewWorkspace()
	if err != nil {
		t.Fatal(err)
	}
	r, err := ws.StartRedis(t.Context(), server.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := ws.StartPostgres(t.Context(), server.PostgresConfig{})
	if err != nil {
		t.Fatal(err)
	}
	stopped, err := ws.StartPostgres(t.Context(), server.PostgresConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := stopped.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(held{ws.Dir(), []string{r.Addr, p.Addr, stopped.Addr}, ws.WatchdogPID()}); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed, or until the parent has gone
}

// hold starts the child and returns what it started.
func hold(t *testing.T) (held, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildHoldsServers$", "-test.v=false")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the child ended: %v", err)
	}
	var h held
	if err := json.Unmarshal(line, &h); err != nil {
		t.Fatalf("the child says %q: %v", line, err)
	}
	return h, cmd
}

// gone says whether nothing is left of what the child started.
func (h held) gone() bool {
	if _, err := os.Stat(h.Dir); !errors.Is(err, os.ErrNotExist) {
		return false
	}
	for _, addr := range h.Addrs {
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			_ = conn.Close()
			return false
		}
	}
	return true
}

func (h held) awaitGone(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !h.gone() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("servers or files in %s outlive their process", h.Dir)
		}
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestServersEndWithTheirProcess(t *testing.T) {
	t.Parallel()
	h, child := hold(t)
	if h.gone() {
		t.Fatal("the child holds nothing")
	}
	kill(t, child.Process.Pid)
	h.awaitGone(t)
}

func TestNewWorkspaceSweepsWhatTheWatchdogLeft(t *testing.T) {
	t.Parallel()
	h, child := hold(t)
	newWorkspace(t)
	if h.gone() {
		t.Fatal("the workspace of a living process was swept")
	}
	kill(t, h.Watchdog)
	kill(t, child.Process.Pid)
	_ = child.Wait()
	newWorkspace(t)
	h.awaitGone(t)
}
