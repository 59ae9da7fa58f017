package redisconn

import (
	"net"
	"slices"
	"sync"
)

// incarnation is one term of one process as a primary. The replication id is new
// with every promotion: a primary that was demoted and promoted again may have
// lost the last writes meanwhile, though it is the same process.
type incarnation struct{ runID, replication string }

// trust is which incarnations were verified, and the connections to them. None
// is given to rueidis that leads elsewhere; so nothing can be sent to a server
// that is not trusted, whichever of rueidis' goroutines dials when.
type trust struct {
	mu    sync.Mutex
	known map[incarnation]string // their addresses
	open  map[*trustedConn]bool
}

// trustedConn is a connection to a trusted incarnation.
type trustedConn struct {
	net.Conn
	id    incarnation
	trust *trust
}

func (c *trustedConn) Close() error {
	c.trust.mu.Lock()
	delete(c.trust.open, c)
	c.trust.mu.Unlock()
	return c.Conn.Close()
}

// admit returns conn, to be closed when id is not trusted any more, or false if
// it is not trusted.
func (t *trust) admit(conn net.Conn, id incarnation) (net.Conn, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.known[id]; !ok {
		return nil, false
	}
	c := &trustedConn{Conn: conn, id: id, trust: t}
	t.open[c] = true
	return c, true
}

// covers reports whether all are trusted.
func (t *trust) covers(primaries []primary) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range primaries {
		if _, ok := t.known[p.id]; !ok {
			return false
		}
	}
	return true
}

// set trusts the primaries that were found, and goes on to trust those at the
// silent addresses, which are still said to be primaries. It trusts no others,
// and closes the connections to others.
func (t *trust) set(found []primary, silent []string) {
	t.mu.Lock()
	before := t.known
	t.known = make(map[incarnation]string, len(found))
	for id, addr := range before {
		if slices.Contains(silent, addr) {
			t.known[id] = addr
		}
	}
	for _, p := range found {
		t.known[p.id] = p.Addr
	}
	var lost []*trustedConn
	for c := range t.open {
		if _, ok := t.known[c.id]; !ok {
			lost = append(lost, c)
		}
	}
	t.mu.Unlock()
	for _, c := range lost {
		_ = c.Close() // it is the end of the connection that matters
	}
}
