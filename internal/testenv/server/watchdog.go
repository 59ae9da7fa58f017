package server

import (
	_ "embed"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

//go:embed watchdog.sh
var watchdogScript string

// watchdog is a shell process that outlives this one just long enough to
// clean up after it.
type watchdog struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func watchdogCommand(dir string, keep bool) *exec.Cmd {
	mode := "remove"
	if keep {
		mode = "keep"
	}
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "echoic-watchdog", dir, mode)
	cmd.Dir = "/"
	// A group of its own: an interrupt from the terminal must not end it.
	// Its output goes nowhere: it must not hold the test's output open.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// startWatchdog starts a watchdog over dir for as long as this process lives.
func startWatchdog(dir string, keep bool) (*watchdog, error) {
	cmd := watchdogCommand(dir, keep)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("server: watchdog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("server: watchdog: %w", err)
	}
	return &watchdog{cmd: cmd, pipe: pipe}, nil
}

// stop closes the pipe and waits until the watchdog has cleaned up and gone.
func (w *watchdog) stop() error {
	if err := w.pipe.Close(); err != nil {
		return fmt.Errorf("server: watchdog: %w", err)
	}
	if err := w.cmd.Wait(); err != nil {
		return fmt.Errorf("server: watchdog: %w", err)
	}
	return nil
}

// cleanUp does at once what a watchdog does when its owner has gone.
func cleanUp(dir string) error {
	if err := watchdogCommand(dir, false).Run(); err != nil {
		return fmt.Errorf("server: cleaning up %s: %w", dir, err)
	}
	return nil
}
