package faultproxy

import (
	"net"
	"sync"
	"sync/atomic"
)

// link is one connection through the proxy: two sockets and two pumps.
type link struct {
	proxy  *Proxy
	number uint64
	client net.Conn
	dead   chan struct{} // closed by reset
	broken atomic.Bool   // bytes are lost

	mu     sync.Mutex
	over   bool
	server net.Conn // nil until it is dialled
}

func newLink(p *Proxy, number uint64, client net.Conn) *link {
	return &link{proxy: p, number: number, client: client, dead: make(chan struct{})}
}

// run passes bytes until both directions have ended or the link was reset.
func (l *link) run() {
	defer l.proxy.forget(l)
	defer l.close(false)
	up, down := newPump(l, ToServer), newPump(l, ToClient)
	var pumps sync.WaitGroup
	// The client's side is read from the beginning: a blackhole swallows what
	// comes before there is a server.
	pumps.Go(func() { up.read(l.client) })
	if server := l.connect(); server != nil {
		pumps.Go(func() { down.read(server) })
		pumps.Go(func() { down.write(l.client) })
		up.write(server)
	}
	pumps.Wait()
}

// connect dials the target, which no connection reaches whose way there is
// closed. It returns nil if the link is over.
func (l *link) connect() net.Conn {
	for {
		f, changed := l.proxy.faults(ToServer, l.number)
		if !f.Blackhole && !f.Stall {
			break
		}
		select {
		case <-changed:
		case <-l.dead:
			return nil
		}
	}
	server, err := l.proxy.dial()
	if err != nil {
		l.proxy.counters.dialFailed.Add(1)
		l.reset()
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		abort(server)
		return nil
	}
	l.server = server
	return server
}

// faults returns what acts on this link.
func (l *link) faults(d Direction) (Faults, <-chan struct{}) { return l.proxy.faults(d, l.number) }

// lose says that bytes were swallowed.
func (l *link) lose() {
	l.broken.Store(true)
	// The blackhole may have ended between the look at it and the loss.
	l.resetIfBroken()
}

// resetIfBroken ends a link that has lost bytes and is in no blackhole any more.
func (l *link) resetIfBroken() {
	if !l.broken.Load() {
		return
	}
	for d := range Direction(directions) {
		if f, _ := l.faults(d); f.Blackhole {
			return
		}
	}
	l.reset()
}

// reset ends the link with RST on both sides.
func (l *link) reset() { l.close(true) }

// close ends the link, if it has not ended yet.
func (l *link) close(hard bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.over = true
	close(l.dead)
	if hard {
		l.proxy.counters.resets.Add(1)
	}
	for _, conn := range []net.Conn{l.client, l.server} {
		switch {
		case conn == nil:
		case hard:
			abort(conn)
		default:
			_ = conn.Close()
		}
	}
}

// abort closes conn with RST, where the network has that.
func abort(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
