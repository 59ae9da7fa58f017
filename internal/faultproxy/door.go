package faultproxy

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// Admission says what happens to who connects.
type Admission int

// The admissions.
const (
	// Everybody is let in.
	Everybody Admission = iota
	// Refuse stops listening: the system refuses connections, as if the server
	// did not run. The port stays the proxy's.
	Refuse
	// Reset lets connections in and resets them at once.
	Reset
)

// door is the listener, or what keeps its port while there is none.
type door struct {
	admission Admission
	listener  net.Listener
	keeper    func() error // gives the port back
}

// shut gives everything back.
func (d *door) shut() error {
	var err error
	if d.listener != nil {
		err = d.listener.Close()
		d.listener = nil
	}
	if d.keeper != nil {
		err = errors.Join(err, d.keeper())
		d.keeper = nil
	}
	return err
}

// Admit says what happens to who connects from now on. Open connections stay.
func (p *Proxy) Admit(a Admission) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("faultproxy: closed")
	}
	was := p.door.admission
	p.door.admission = a
	switch {
	case a == Refuse && was != Refuse:
		if err := p.door.shut(); err != nil {
			return fmt.Errorf("faultproxy: closing the listener on %s: %w", p.addr, err)
		}
		if p.network == "tcp" {
			var err error
			if p.door.keeper, err = keepPort(p.addr); err != nil {
				return fmt.Errorf("faultproxy: keeping the port of %s: %w", p.addr, err)
			}
		}
	case a != Refuse && was == Refuse:
		if err := p.door.shut(); err != nil {
			return fmt.Errorf("faultproxy: giving back the port of %s: %w", p.addr, err)
		}
		return p.listenLocked()
	}
	return nil
}

// relistenTries is how often the port is asked for again. A connection of some
// client may hold it for a moment.
const relistenTries = 200

// listenLocked opens the listener and begins to accept.
func (p *Proxy) listenLocked() error {
	var listener net.Listener
	var err error
	for range relistenTries {
		if listener, err = net.Listen(p.network, p.addr); err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("faultproxy: listening on %s: %w", p.addr, err)
	}
	p.door.listener = listener
	p.work.Go(func() { p.accept(listener) })
	return nil
}

// accept lets connections in until the listener is closed.
func (p *Proxy) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many descriptors, for example: it may pass
			select {
			case <-time.After(5 * time.Millisecond):
			case <-p.ctx.Done():
			}
			continue
		}
		p.admit(conn)
	}
}

// admit makes a link of conn, or shows it the door.
func (p *Proxy) admit(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.door.admission != Everybody || len(p.links) >= p.cfg.MaxConns {
		p.counters.rejected.Add(1)
		abort(conn)
		return
	}
	l := newLink(p, p.next, conn)
	p.next++
	p.links[l] = struct{}{}
	p.counters.accepted.Add(1)
	p.counters.active.Add(1)
	p.work.Go(l.run)
}

// forget takes a link that has ended out of the books.
func (p *Proxy) forget(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
	p.counters.active.Add(-1)
}
