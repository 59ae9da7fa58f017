package redisconn

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"time"

	redigo "github.com/gomodule/redigo/redis"
)

// primary is a server that was found to be one.
type primary struct {
	Server
	id incarnation
}

// findings are the answer to who the primaries are.
type findings struct {
	primaries []primary // those that answered
	silent    []string  // the addresses of those that did not
}

// addrs are the addresses of all primaries, in order.
func (f findings) addrs() []string {
	addrs := slices.Clone(f.silent)
	for _, p := range f.primaries {
		addrs = append(addrs, p.Addr)
	}
	slices.Sort(addrs)
	return addrs
}

// servers are what a VerifyFunc is told.
func (f findings) servers() []Server {
	servers := make([]Server, len(f.primaries))
	for i, p := range f.primaries {
		servers[i] = p.Server
	}
	return servers
}

// survey asks sentinels or nodes who the primaries are, and each primary who it
// is, on connections of its own.
func (n *nodes) survey() (findings, error) {
	var places map[string]string
	var err error
	if n.link.target.Kind() == Sentinel {
		places, err = n.askSentinels()
	} else {
		places, err = n.askNodes()
	}
	if err != nil {
		return findings{}, err
	}
	var found findings
	for addr, place := range places {
		node, failure := n.inspect(addr)
		switch {
		case failure == nil && node.primary:
			found.primaries = append(found.primaries, primary{Server{RunID: node.id.runID, Place: place, Addr: addr}, node.id})
		case failure == nil:
			failure = n.link.failure(connecting, errNotPrimary)
			fallthrough
		default:
			found.silent, err = append(found.silent, addr), failure
		}
	}
	if len(found.primaries) == 0 {
		return findings{}, err
	}
	slices.SortFunc(found.primaries, func(a, b primary) int { return cmp.Compare(a.Addr, b.Addr) })
	return found, nil
}

// errNotPrimary is a server that its peers call a primary and that says it is not.
var errNotPrimary = errors.New("the server is a replica")

// askSentinels returns the address of the primary, which has no place.
func (n *nodes) askSentinels() (map[string]string, error) {
	var last error
	for _, addr := range slices.Clone(n.sentinels) {
		primary, others, err := n.askSentinel(addr)
		if err != nil {
			last = err
			continue
		}
		// The one that answers is asked first the next time, and the others are
		// remembered: those of the URL may all go in the course of time.
		known := append([]string{addr}, n.sentinels...)
		n.sentinels = distinct(append(known, others...))
		return map[string]string{primary: ""}, nil
	}
	return nil, last
}

func (n *nodes) askSentinel(addr string) (primary string, others []string, err error) {
	policy, master := n.link.policy, n.link.target.Master()
	conn, end, err := n.converse(addr, policy.SentinelUser, policy.SentinelPassword)
	if err != nil {
		return "", nil, n.sentinelFailure(addr, err)
	}
	defer end()
	peers, err := redigo.Values(conn.Do("SENTINEL", "SENTINELS", master))
	if err != nil {
		return "", nil, n.sentinelFailure(addr, err)
	}
	for _, peer := range peers {
		if fields, err := redigo.StringMap(peer, nil); err == nil {
			others = append(others, net.JoinHostPort(fields["ip"], fields["port"]))
		}
	}
	pair, err := redigo.Strings(conn.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master))
	if err == nil && len(pair) != 2 {
		err = errors.New("the sentinel does not name the primary")
	}
	if err != nil {
		return "", nil, n.sentinelFailure(addr, err)
	}
	return net.JoinHostPort(pair[0], pair[1]), others, nil
}

// sentinelFailure says that it is a sentinel that failed: what is wrong is not the
// password in the URL.
func (n *nodes) sentinelFailure(addr string, err error) error {
	e := n.failure(connecting, addr, err)
	e.What = "sentinel: " + e.What
	if text, ok := answerText(err); ok && isLogin(text) {
		e.Remedy = "set the sentinels' own user and password (the URL has those of the data nodes)"
	}
	return e
}

// askNodes returns the addresses of the primaries with slots, and a hash tag of
// each.
func (n *nodes) askNodes() (map[string]string, error) {
	var last error
	for _, addr := range distinct(append(slices.Clone(n.peers), n.link.target.addrs...)) {
		conn, end, err := n.converse(addr, n.link.target.User(), n.link.target.Password())
		if err != nil {
			last = n.failure(connecting, addr, err)
			continue
		}
		reply, err := conn.Do("CLUSTER", "SLOTS")
		end()
		if err != nil {
			last = n.failure(connecting, addr, err)
			continue
		}
		owners := slotOwners(reply, addr)
		if len(owners) == 0 {
			last = &Error{What: "connect: the cluster has no slots", Addr: addr, Remedy: "assign slots to its nodes (redis-cli --cluster create)", Unavailable: true}
			continue
		}
		places := make(map[string]string, len(owners))
		n.peers = n.peers[:0]
		for primary, ranges := range owners {
			places[primary] = tagOf(lowest(ranges))
			n.peers = append(n.peers, primary)
		}
		return places, nil
	}
	return nil, last
}

// node is what a server says of itself.
type node struct {
	id      incarnation
	primary bool
}

// inspect asks a data node who it is.
func (n *nodes) inspect(addr string) (node, error) {
	conn, end, err := n.converse(addr, n.link.target.User(), n.link.target.Password())
	if err != nil {
		return node{}, n.failure(connecting, addr, err)
	}
	defer end()
	found, err := identify(conn)
	if err != nil {
		return node{}, n.failure(runIDCommand, addr, err)
	}
	return found, nil
}

// identify asks for run id, replication id and role.
func identify(conn redigo.Conn) (node, error) {
	var info [2]string
	for _, section := range []string{"server", "replication"} {
		if err := conn.Send("INFO", section); err != nil {
			return node{}, err
		}
	}
	if err := conn.Flush(); err != nil {
		return node{}, err
	}
	for i := range info {
		var err error
		if info[i], err = redigo.String(conn.Receive()); err != nil {
			return node{}, err
		}
	}
	id, err := runID(info[0])
	if err != nil {
		return node{}, err
	}
	return node{incarnation{id, infoField(info[1], "master_replid")}, infoField(info[1], "role") == "master"}, nil
}

// converse opens a connection for questions and logs in. end closes it.
func (n *nodes) converse(addr, user, password string) (conn redigo.Conn, end func(), err error) {
	raw, err := n.dialer.dial(n.link.life, addr, n.link.option.TLSConfig)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(n.link.life, func() { _ = raw.Close() })
	end = func() {
		stop()
		_ = raw.Close() // nothing was written that might be lost
	}
	conn, err = login(raw, user, password, n.link.policy.SocketTimeout)
	if err != nil {
		end()
		return nil, nil, err
	}
	return conn, end, nil
}

// login makes a redigo connection of raw and presents the password.
func login(raw net.Conn, user, password string, timeout time.Duration) (redigo.Conn, error) {
	conn := redigo.NewConn(raw, timeout, timeout)
	if password == "" {
		return conn, nil
	}
	if _, err := conn.Do("AUTH", cmp.Or(user, "default"), password); err != nil {
		return nil, err
	}
	return conn, nil
}

// distinct returns list without repetitions, in its order.
func distinct(list []string) []string {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(s string) bool {
		again := seen[s]
		seen[s] = true
		return again
	})
}
