package redisconn

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// redialPause is how long the failure of a dial answers for the next ones:
	// many callers at once would otherwise each wait for their own.
	redialPause = firstPause
	// keepUnclaimed is how long a connection waits for whoever wanted it.
	keepUnclaimed = 2 * time.Second
)

// dials opens connections in the background and bounds the wait for them.
//
// rueidis dials in the first call that finds no connection, and all other calls
// wait for that one, whatever their contexts say. So a dial must not take longer
// than a call may. But connecting may: what is ready late is there for the next
// one who asks.
type dials struct {
	life     context.Context // of the link
	patience time.Duration
	// settle is how long after a dial rueidis may still be greeting the server.
	settle time.Duration
	// unsettled is until when somebody may be waiting for a connection: Unix
	// nanoseconds.
	unsettled atomic.Int64

	mu      sync.Mutex
	byAddr  map[string]*dialling
	running sync.WaitGroup
}

// dialling is one attempt. Its fields are set when done is closed.
type dialling struct {
	done  chan struct{}
	conn  net.Conn // until somebody takes it
	err   error
	ended time.Time
}

// slowDialError is a dial that goes on while its caller does not wait any more.
type slowDialError struct{ addr string }

func (e *slowDialError) Error() string { return "dial " + e.addr + ": no connection in time" }
func (e *slowDialError) Timeout() bool { return true }

// Temporary makes it a net.Error, by which timeouts are told.
func (e *slowDialError) Temporary() bool { return true }

// get returns a connection that open has made, now or for somebody who has gone.
func (d *dials) get(ctx context.Context, addr string, open func() (net.Conn, error)) (net.Conn, error) {
	timer := time.NewTimer(d.patience)
	defer timer.Stop()
	d.stir()
	defer d.stir() // the greeting comes now
	for {
		run := d.join(addr, open)
		select {
		case <-run.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			return nil, &slowDialError{addr}
		case <-d.life.Done():
			return nil, net.ErrClosed
		}
		if conn, err := d.take(addr, run); conn != nil || err != nil {
			return conn, err
		}
	}
}

// join returns the attempt that is under way, or has ended a moment ago, or
// begins a new one.
func (d *dials) join(addr string, open func() (net.Conn, error)) *dialling {
	d.mu.Lock()
	defer d.mu.Unlock()
	run := d.byAddr[addr]
	if run != nil && (run.ended.IsZero() || run.conn != nil || time.Since(run.ended) < redialPause) {
		return run
	}
	run = &dialling{done: make(chan struct{})}
	if d.life.Err() != nil {
		run.err = net.ErrClosed
		close(run.done)
		return run
	}
	d.byAddr[addr] = run
	d.running.Go(func() {
		conn, err := open()
		d.mu.Lock()
		run.conn, run.err, run.ended = conn, err, time.Now()
		d.mu.Unlock()
		close(run.done)
		if err == nil {
			time.AfterFunc(keepUnclaimed, func() { d.drop(addr, run) })
		}
	})
	return run
}

// stir notes that somebody waits for a connection.
func (d *dials) stir() { d.unsettled.Store(time.Now().Add(d.patience + d.settle).UnixNano()) }

// settled reports whether nobody has waited for one for a while.
func (d *dials) settled() bool {
	until := d.unsettled.Load()
	return until == 0 || time.Now().UnixNano() > until
}

// take returns the result of an attempt that has ended, or nothing if somebody
// else has taken the connection.
func (d *dials) take(addr string, run *dialling) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	conn := run.conn
	run.conn = nil
	if conn != nil && d.byAddr[addr] == run {
		delete(d.byAddr, addr)
	}
	return conn, run.err
}

// drop closes a connection that nobody has taken.
func (d *dials) drop(addr string, run *dialling) {
	if conn, _ := d.take(addr, run); conn != nil {
		_ = conn.Close() // it was not used
	}
}

// forget lets the next caller dial at once where a dial has failed.
func (d *dials) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for addr, run := range d.byAddr {
		if run.err != nil {
			delete(d.byAddr, addr)
		}
	}
}

// close waits for the attempts under way and closes what nobody has taken. The
// link's life has ended before.
func (d *dials) close() {
	d.mu.Lock()
	left := make(map[string]*dialling, len(d.byAddr))
	for addr, run := range d.byAddr {
		left[addr] = run
	}
	d.mu.Unlock()
	d.running.Wait()
	for addr, run := range left {
		d.drop(addr, run)
	}
}
