package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// process is a server that runs.
type process struct{ name, url string }

// startAll starts every server that o asks for. Those that need a program that
// is not installed are missing. stop must be called, also after an error.
func startAll(o options) (running []process, missing []string, stop func(), err error) {
	var stops []func()
	stop = func() {
		for i := len(stops) - 1; i >= 0; i-- {
			stops[i]()
		}
	}
	for _, s := range servers {
		if !o.only.MatchString(s.name) {
			continue
		}
		begin := startSelf
		if s.nginx != nil {
			if _, err := exec.LookPath("nginx"); err != nil {
				missing = append(missing, s.name+", because nginx is not installed")
				continue
			}
			begin = startNginx
		}
		url, end, err := begin(s)
		if end != nil {
			stops = append(stops, end)
		}
		if err != nil {
			return nil, nil, stop, fmt.Errorf("%s: %w", s.name, err)
		}
		running = append(running, process{s.name, url})
	}
	return running, missing, stop, nil
}

// startSelf runs this program as one of the servers.
func startSelf(s server) (url string, stop func(), err error) {
	addr, err := freeAddr()
	if err != nil {
		return "", nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	return startCommand("http://"+addr, self, "-serve", s.name, "-addr", addr)
}

// startCommand runs a program and waits until it answers under url.
func startCommand(url, program string, args ...string) (string, func(), error) {
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		return "", nil, err
	}
	stop := func() {
		cancel()
		_ = cmd.Wait()
	}
	for range 100 {
		if r, err := http.Get(url + "/1"); err == nil {
			_ = r.Body.Close()
			return url, stop, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return "", nil, errors.New("it does not answer")
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
