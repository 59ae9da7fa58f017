package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

const (
	// startLimit is how long the app may take to answer its first request.
	startLimit = 30 * time.Second
	// stopLimit is how long it may take to end after SIGTERM.
	stopLimit = 15 * time.Second
)

// app is a running example app.
type app struct {
	base string // http://127.0.0.1:port
	cmd  *exec.Cmd
	log  *log
	done chan struct{}
	err  error // of Wait; read it after done
}

// log collects what a program prints, while it prints.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// command prepares one of the built programs. Nothing of this process'
// configuration reaches it, and it works in dir, where no .env file is.
func (s *smoke) command(ctx context.Context, dir, program string, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.dir, "bin", program), args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
	return cmd
}

// start starts the example app on a free port and waits until it answers.
func (s *smoke) start(ctx context.Context, dir string, env []string) (*app, error) {
	addr, err := server.FreeAddr()
	if err != nil {
		return nil, err
	}
	a := &app{base: "http://" + addr, log: &log{}, done: make(chan struct{})}
	a.cmd = s.command(ctx, dir, "example-app", append(env, "ADDR="+addr))
	a.cmd.Stdout, a.cmd.Stderr = a.log, a.log
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(a.done)
		a.err = a.cmd.Wait()
	}()
	if err := a.awaitReady(ctx); err != nil {
		_ = a.cmd.Process.Kill()
		<-a.done
		return nil, fmt.Errorf("%w; the app says:\n%s", err, a.log)
	}
	return a, nil
}

func (a *app) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		// Not the home page: the first request for that is a check.
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, a.base+"/smoke-is-anybody-there", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			return resp.Body.Close()
		}
		select {
		case <-tick.C:
		case <-a.done:
			return fmt.Errorf("the app ended: %w", errors.Join(a.err, errors.New("before it answered")))
		case <-ctx.Done():
			return fmt.Errorf("no answer on %s within %v", a.base, startLimit)
		}
	}
}

// stop ends the app with SIGTERM, which has to be a clean end.
func (a *app) stop() error {
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case <-a.done:
	case <-timer.C:
		_ = a.cmd.Process.Kill()
		<-a.done
		return fmt.Errorf("still running %v after SIGTERM", stopLimit)
	}
	if a.err != nil {
		return fmt.Errorf("%w; the app says:\n%s", a.err, a.log)
	}
	if strings.Contains(a.log.String(), "panic:") {
		return fmt.Errorf("the app panicked:\n%s", a.log)
	}
	return nil
}
