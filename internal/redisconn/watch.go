package redisconn

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"time"
)

// watchedConn gives up on a server that was sent something and stays silent:
// Read then returns an error that wraps os.ErrDeadlineExceeded.
//
// rueidis alone would notice after a second without replies and another one
// of waiting for a PING: its pipelined calls have no timeout, and those that
// wait behind a full queue do not even look at their contexts.
type watchedConn struct {
	net.Conn
	timeout time.Duration
	// busy, if not nil, reports whether so many commands are on their way that
	// the next ones are better sent together.
	busy func() bool
	// lost is called once, when the connection has ended for whatever reason.
	lost func(error)
	once sync.Once

	mu      sync.Mutex
	waiting bool // sent something, and nothing came since
	theirs  bool // the client has set a read deadline itself
}

func watch(timeout time.Duration, busy func() bool, lost func(error)) func(net.Conn) net.Conn {
	return func(conn net.Conn) net.Conn {
		return &watchedConn{Conn: conn, timeout: timeout, busy: busy, lost: lost}
	}
}

func (c *watchedConn) Write(b []byte) (int, error) {
	deadline := time.Now().Add(c.timeout)
	c.mu.Lock()
	if !c.waiting {
		c.waiting = true // before the write: the answer may be quick
		if !c.theirs {
			_ = c.Conn.SetReadDeadline(deadline) // fails only on a closed connection
		}
	}
	c.mu.Unlock()
	_ = c.Conn.SetWriteDeadline(deadline)
	n, err := c.Conn.Write(b)
	if err != nil {
		c.giveUp(err)
	} else if c.busy != nil && c.busy() {
		// rueidis writes whenever its queue is empty, which on few processors
		// is after one or two commands; the server then reads and answers each
		// by itself. Whoever is ready to send something does so first.
		runtime.Gosched()
	}
	return n, err
}

func (c *watchedConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		switch {
		case n > 0:
			c.mu.Lock()
			c.waiting = false
			c.mu.Unlock()
		case errors.Is(err, os.ErrDeadlineExceeded) && c.idle():
			continue
		}
		if err != nil {
			c.giveUp(err)
		}
		return n, err
	}
}

// giveUp ends a connection that failed. What a silent server has not been sent yet
// must not be: when the way to it is free again, an old SET would come behind what
// was said meanwhile by another connection.
func (c *watchedConn) giveUp(err error) {
	if tcp, ok := c.Conn.(*net.TCPConn); ok && errors.Is(err, os.ErrDeadlineExceeded) {
		_ = tcp.SetLinger(0) // fails only on a closed connection
	}
	c.ended(err)
}

// idle reports whether nothing is being waited for, and then takes away the
// deadline that an earlier write set.
func (c *watchedConn) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting || c.theirs {
		return false
	}
	_ = c.Conn.SetReadDeadline(time.Time{})
	return true
}

func (c *watchedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.Conn.SetWriteDeadline(t))
}

func (c *watchedConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.theirs = !t.IsZero(); !c.theirs && c.waiting {
		t = time.Now().Add(c.timeout)
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *watchedConn) Close() error {
	err := c.Conn.Close()
	c.ended(net.ErrClosed)
	return err
}

func (c *watchedConn) ended(err error) {
	if c.lost != nil {
		c.once.Do(func() { c.lost(err) })
	}
}
