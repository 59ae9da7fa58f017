package redisconn

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/redis/rueidis"
)

// nodes is how a link reaches servers whose roles change: those behind Sentinel
// and those of a Cluster. rueidis follows them by itself; every connection that
// it opens comes from here.
//
// With a VerifyFunc, a new connection to a data node is asked who is there before
// rueidis gets it. Anybody but a trusted primary is refused, and the link's
// goroutine is told to look.
type nodes struct {
	link   *Link
	dialer dialer // for questions
	client dialer // for rueidis
	dials  *dials
	trust  trust
	// suspected holds an element when somebody unknown was met.
	suspected chan struct{}

	// What follows is the link's goroutine's own.
	sentinels []string // those known, the last that answered first
	peers     []string // the cluster nodes that were primaries last
	told      []string // the addresses of all primaries, when last looked
}

func newNodes(l *Link) *nodes {
	n := &nodes{
		link:      l,
		dials:     &dials{life: l.life, patience: l.policy.SocketTimeout / 2, settle: l.policy.SocketTimeout, byAddr: make(map[string]*dialling)},
		trust:     trust{open: make(map[*trustedConn]bool)},
		suspected: make(chan struct{}, 1),
		sentinels: l.target.Addrs(),
	}
	n.dialer = dialer{network: l.target.Network(), connect: l.policy.ConnectTimeout, wrap: watch(l.policy.SocketTimeout, l.busy, nil)}
	n.client = n.dialer
	// All whose calls end with a connection come back at once, and find that one
	// of them is dialling.
	n.client.wrap = watch(l.policy.SocketTimeout, l.busy, func(error) { n.dials.stir() })
	return n
}

// failure is what went wrong at one of the servers.
func (n *nodes) failure(what, addr string, err error) *Error {
	return failureAt(n.link.target, addr, n.link.policy.SocketTimeout, what, err)
}

// dial is the DialCtxFn of the client that calls use.
func (n *nodes) dial(ctx context.Context, addr string, kind *net.Dialer, cfg *tls.Config) (net.Conn, error) {
	open := n.dialTrusted
	sentinel := n.link.option.Sentinel.Dialer.Resolver
	switch {
	case sentinel != nil && kind.Resolver == sentinel:
		open = n.dialSentinel
	case n.link.verify == nil:
		open = n.dialPlain
	}
	return n.dials.get(ctx, addr, func() (net.Conn, error) { return open(addr, cfg) })
}

// dialPlain connects to a data node, whoever it is.
func (n *nodes) dialPlain(addr string, cfg *tls.Config) (net.Conn, error) {
	return n.client.dial(n.link.life, addr, cfg)
}

// dialSentinel connects to a sentinel. The connection ends with the link: rueidis
// cannot be closed while it waits for a sentinel's answer.
func (n *nodes) dialSentinel(addr string, cfg *tls.Config) (net.Conn, error) {
	conn, err := n.client.dial(n.link.life, addr, cfg)
	if err != nil {
		return nil, err
	}
	return &lifeConn{conn, context.AfterFunc(n.link.life, func() { _ = conn.Close() })}, nil
}

// lifeConn is a connection that is closed when a context ends.
type lifeConn struct {
	net.Conn
	stop func() bool
}

func (c *lifeConn) Close() error {
	c.stop()
	return c.Conn.Close()
}

// dialTrusted connects to a data node that is a trusted primary.
func (n *nodes) dialTrusted(addr string, cfg *tls.Config) (net.Conn, error) {
	raw, err := n.client.dial(n.link.life, addr, cfg)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(n.link.life, func() { _ = raw.Close() })
	defer stop()
	conn, err := n.admit(raw)
	if err != nil {
		_ = raw.Close() // why it is not used says more
		return nil, err
	}
	return conn, nil
}

func (n *nodes) admit(raw net.Conn) (net.Conn, error) {
	asked, err := login(raw, n.link.target.User(), n.link.target.Password(), n.link.policy.SocketTimeout)
	if err != nil {
		return nil, err
	}
	found, err := identify(asked)
	if err != nil {
		return nil, err
	}
	if !found.primary {
		return nil, n.refuseReplica()
	}
	conn, ok := n.trust.admit(raw, found.id)
	if !ok {
		n.suspect()
		return nil, errVerifying
	}
	return conn, raw.SetDeadline(time.Time{}) // redigo has left its own
}

// refuseReplica is the error for a dial to a replica. A connection to one would
// stay when the replica is promoted, and so go round the question.
func (n *nodes) refuseReplica() error {
	if n.link.target.Kind() == Cluster {
		// rueidis dials the replicas of a cluster with every look at the
		// topology, and after any other error than this it looks again soon.
		return rueidis.ErrClosing
	}
	return errNotPrimary
}

// suspect has the link's goroutine look who the primaries are.
func (n *nodes) suspect() {
	select {
	case n.suspected <- struct{}{}:
	default:
	}
}

// secure returns nil when all primaries that answer are trusted, after it has
// asked the VerifyFunc about those that are new. Calls wait for that.
func (n *nodes) secure() error {
	l := n.link
	found, err := n.survey()
	if err != nil {
		return err
	}
	for !n.trust.covers(found.primaries) {
		if l.state.Load().session != nil {
			l.become(&linkState{})
		}
		client, err := n.openUntrusted(found)
		if err != nil {
			return l.failure(connecting, err)
		}
		err = l.verified(l.life, client, found.servers())
		client.Close()
		if err != nil {
			return err
		}
		// Only those are trusted that were there before and after.
		again, err := n.survey()
		if err != nil {
			return err
		}
		if slices.Equal(found.primaries, again.primaries) {
			break
		}
		found = again
	}
	n.trust.set(found.primaries, found.silent)
	n.told = found.addrs()
	n.dials.forget()
	return nil
}

// openUntrusted opens a client for a VerifyFunc.
func (n *nodes) openUntrusted(found findings) (rueidis.Client, error) {
	option := n.optionFor(found.addrs())
	option.DialCtxFn = func(ctx context.Context, addr string, _ *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		return n.dialer.dial(ctx, addr, cfg)
	}
	client, err := rueidis.NewClient(option)
	if err != nil && client != nil {
		client.Close()
	}
	return client, err
}

// optionFor returns the options of a client. That for a cluster begins with its
// primaries: replicas, which the URL may name, are refused.
func (n *nodes) optionFor(primaries []string) rueidis.ClientOption {
	option := n.link.option
	if n.link.target.Kind() == Cluster && len(primaries) > 0 {
		option.InitAddress = primaries
	}
	return option
}

// moved asks the cluster, on connections that are there anyway, whether other
// nodes have become primaries. A replica that was a primary before is promoted
// without a new connection; once it was seen to be a replica, its connections are
// closed. (Twice within topologyRefresh, which an election does not achieve, it
// would not be seen.)
func (n *nodes) moved(client rueidis.Client) bool {
	known := client.Nodes()
	for _, addr := range n.told {
		node := known[addr]
		if node == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(n.link.life, n.link.policy.SocketTimeout)
		reply, err := node.Do(ctx, node.B().ClusterSlots().Build()).ToAny()
		cancel()
		if err != nil {
			continue
		}
		return !slices.Equal(slices.Sorted(maps.Keys(slotOwners(reply, addr))), n.told)
	}
	return false
}
