package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	// startTimeout is generous: on a busy machine with two cores initdb and
	// a first start have been seen to take ten seconds.
	startTimeout = 60 * time.Second
	// stopTimeout is how long a server may take to shut down in good order.
	stopTimeout = 20 * time.Second
	// pollInterval is how often a starting server is asked whether it is
	// ready.
	pollInterval = 5 * time.Millisecond
)

// errExited is a server that ended before it was ready.
var errExited = errors.New("the program ended")

// process is one server program: started, signalled, waited for, and started
// again with the same arguments.
type process struct {
	ws   *Workspace
	name string // in the workspace, for example "redis-1"
	dir  string // working directory, below the workspace
	path string
	args []string
	env  []string
	cred *syscall.Credential

	shutdownSignal syscall.Signal // in good order
	endSignal      syscall.Signal // at once, but freeing what outlives the process
	// ready says whether the server that runs as pid takes work.
	ready func(ctx context.Context, pid int) bool

	mu  sync.Mutex // serialises starts and stops
	run *run
}

// run is one life of a process.
type run struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has been waited for
}

func (r *run) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// start starts the program and waits until it is ready.
func (p *process) start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.startLocked(ctx)
}

// startOnFreePort is startOnPort with any free port.
func (p *process) startOnFreePort(ctx context.Context, addr string, configure func(addr string) error) error {
	return p.startOnPort(ctx, addr, FreeAddr, configure)
}

// startOnPort starts a new server on addr or, if that is empty, on one that free
// finds, with another one if that was taken meanwhile. configure is told the
// address before each try.
func (p *process) startOnPort(ctx context.Context, addr string, free func() (string, error), configure func(addr string) error) error {
	for try := 1; ; try++ {
		chosen := addr
		if addr == "" {
			var err error
			if chosen, err = free(); err != nil {
				return err
			}
		}
		if err := configure(chosen); err != nil {
			return err
		}
		err := p.start(ctx)
		if err == nil || addr != "" || try == startTries || !errors.Is(err, errExited) || !p.portTaken() {
			return err
		}
	}
}

func (p *process) startLocked(ctx context.Context) error {
	if err := p.ws.add(p); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	life, err := p.launch()
	if err != nil {
		return &StartError{Server: p.name, Err: err, Log: p.logTail()}
	}
	p.run = life
	if err := p.awaitReady(ctx, life); err != nil {
		p.endLocked()
		return &StartError{Server: p.name, Err: err, Log: p.logTail()}
	}
	return nil
}

// launch starts the program with its output in the log file.
func (p *process) launch() (*run, error) {
	log, err := os.OpenFile(p.logPath(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir = p.dir
	cmd.Env = p.env
	cmd.Stdout = log
	cmd.Stderr = log
	// A group of its own: an interrupt from the terminal is for the test,
	// which then ends its servers.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: p.cred}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	life := &run{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(life.done)
		// How it ended does not matter: most are killed on purpose.
		_ = cmd.Wait()
	}()
	// For the watchdog where there is no /proc.
	if err := os.WriteFile(p.pidPath(), []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o600); err != nil {
		_ = cmd.Process.Kill()
		<-life.done
		return nil, err
	}
	return life, nil
}

func (p *process) awaitReady(ctx context.Context, life *run) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if p.ready(ctx, life.cmd.Process.Pid) {
			return nil
		}
		select {
		case <-tick.C:
		case <-life.done:
			return errExited
		case <-ctx.Done():
			return fmt.Errorf("not ready in time: %w", ctx.Err())
		}
	}
}

// restart starts the program again, after shutting it down if it still runs.
// What a killed predecessor still holds for a moment (the port, Postgres'
// shared memory) is waited for.
func (p *process) restart(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.shutdownLocked(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := p.startLocked(ctx)
		if err == nil || !errors.Is(err, errExited) || !p.mayComeFree() {
			return err
		}
		select {
		case <-time.After(20 * pollInterval):
		case <-ctx.Done():
			return err
		}
	}
}

// pids returns the running process and its children, or ErrNotRunning.
func (p *process) pids() ([]int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil || p.run.ended() {
		return nil, fmt.Errorf("%s: %w", p.name, ErrNotRunning)
	}
	pid := p.run.cmd.Process.Pid
	return append([]int{pid}, children(pid)...), nil
}

// stop freezes the server and its children. The parent goes first, so that
// no child is missed that it would still have forked.
func (p *process) stop() error {
	pids, err := p.pids()
	if err != nil {
		return err
	}
	if err := signal(pids[:1], syscall.SIGSTOP); err != nil {
		return err
	}
	if pids, err = p.pids(); err != nil {
		return err
	}
	return signal(pids[1:], syscall.SIGSTOP)
}

// cont lets a stopped server go on.
func (p *process) cont() error {
	pids, err := p.pids()
	if err != nil {
		return err
	}
	return signal(pids, syscall.SIGCONT)
}

// kill ends the server and its children with SIGKILL, as a machine that
// loses its power would, and waits until it has gone.
func (p *process) kill() error {
	if err := p.stop(); err != nil {
		return err
	}
	pids, err := p.pids()
	if err != nil {
		return err
	}
	if err := signal(pids, syscall.SIGKILL); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	<-p.run.done
	return nil
}

// shutdown ends the server in good order and waits. It does nothing if the
// server does not run.
func (p *process) shutdown() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shutdownLocked()
}

func (p *process) shutdownLocked() error {
	if p.endWith(p.shutdownSignal, stopTimeout) {
		return nil
	}
	p.killLocked()
	return fmt.Errorf("server: %s did not shut down within %v and was killed", p.name, stopTimeout)
}

// end ends the server at once, whatever state it is in, and waits. The
// workspace forgets it.
func (p *process) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endLocked()
}

func (p *process) endLocked() {
	if !p.endWith(p.endSignal, 5*time.Second) {
		p.killLocked()
	}
	_ = os.Remove(p.pidPath())
	p.ws.remove(p)
}

// endWith sends sig to the running server and waits for it up to limit. It
// says whether the server has ended.
func (p *process) endWith(sig syscall.Signal, limit time.Duration) bool {
	if p.run == nil || p.run.ended() {
		return true
	}
	pid := p.run.cmd.Process.Pid
	pids := append([]int{pid}, children(pid)...)
	if signal(pids[:1], sig) != nil || signal(pids, syscall.SIGCONT) != nil {
		return p.run.ended()
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.run.done:
		return true
	case <-timer.C:
		return false
	}
}

func (p *process) killLocked() {
	pid := p.run.cmd.Process.Pid
	_ = signal(append(children(pid), pid), syscall.SIGKILL)
	<-p.run.done
}

// pid is the running process' id, or 0.
func (p *process) pid() int {
	pids, err := p.pids()
	if err != nil {
		return 0
	}
	return pids[0]
}

func (p *process) logPath() string { return filepath.Join(p.ws.dir, p.name+".log") }
func (p *process) pidPath() string { return filepath.Join(p.ws.dir, p.name+".pid") }
