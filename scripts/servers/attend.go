package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
)

// interrupted returns a context that ends with the first SIGINT, SIGTERM or
// SIGHUP. Later ones are ignored until stop is called: the servers are then
// being stopped.
func interrupted(parent context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(parent, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
}

// attend runs cmd to its end and returns its exit code. When ctx ends, cmd
// gets SIGTERM, once: it is in a process group of its own, or a terminal's
// interrupt would reach it twice.
func attend(ctx context.Context, cmd *exec.Cmd) (int, error) {
	// Where the parent-death signal exists it is tied to this thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = groupOfItsOwn()
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	ended := make(chan struct{})
	relayed := make(chan struct{})
	go func() {
		defer close(relayed)
		select {
		case <-ctx.Done():
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
				fmt.Fprintln(os.Stderr, "servers:", err)
			}
		case <-ended:
		}
	}()
	err := cmd.Wait()
	close(ended)
	<-relayed
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if exit.ExitCode() < 0 {
			return 1, fmt.Errorf("%s: %w", cmd.Path, err)
		}
		return exit.ExitCode(), nil
	}
	return 0, err
}
