package near

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"

	"github.com/redis/rueidis"
)

// node is one connection to one server that sends invalidations. It is dialled
// once: whoever needs another connection needs another node, so that no loss is
// mended unnoticed.
type node struct {
	addr    string
	tracker *Tracker
	client  rueidis.Client
	dialled atomic.Bool
	retired atomic.Bool // its end is not news
	end     func()      // closes the connection, without waiting for anything
}

var errLost = errors.New("the connection was lost")

// connect opens a node; tracking is on when it returns.
func (t *Tracker) connect(addr string) (*node, error) {
	n := &node{addr: addr, tracker: t}
	option := t.plan.option
	option.InitAddress = []string{addr}
	option.ForceSingleClient = true
	option.Sentinel = rueidis.SentinelOption{}
	option.ClusterOption = rueidis.ClusterOption{}
	option.DisableCache = false // no tracking without it; nothing is ever put into that cache
	option.CacheSizeEachConn = 1
	option.ClientTrackingOptions = t.plan.track
	option.OnInvalidations = n.invalidated
	dial := t.dialer(option.DialCtxFn)
	option.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		if n.dialled.Swap(true) {
			return nil, errLost
		}
		conn, err := dial(ctx, addr, d, cfg)
		if err == nil {
			n.end = func() { _ = conn.Close() }
		}
		return conn, err
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		n.retired.Store(true)
		if client != nil {
			client.Close()
		}
		if errors.Is(err, io.EOF) {
			// Redis reads no command of more than ten words, as ours is, from
			// who is not logged in; rueidis sends it right behind the login.
			return nil, fmt.Errorf("cannot listen at %s: it hangs up: check user and password: %w", addr, err)
		}
		return nil, fmt.Errorf("cannot listen at %s: %w", addr, err)
	}
	n.client = client
	return n, nil
}

type dialFunc = func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error)

// dialer lets connections end with the tracker, whatever rueidis waits for.
func (t *Tracker) dialer(dial dialFunc) dialFunc {
	return func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(t.life, cancel)()
		conn, err := dial(ctx, addr, d, cfg)
		if err != nil {
			return nil, err
		}
		return &boundConn{Conn: conn, release: context.AfterFunc(t.life, func() { _ = conn.Close() })}, nil
	}
}

// boundConn is a connection that ends with the tracker.
type boundConn struct {
	net.Conn
	release func() bool
}

func (c *boundConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// invalidated is called by the connection's reader, message by message. Nil says
// that the connection has ended, or that the data were flushed: in any database,
// and Redis does not say which.
func (n *node) invalidated(messages []rueidis.RedisMessage) {
	if messages == nil {
		if !n.retired.Load() {
			n.tracker.lost(n.addr + " was flushed, or the connection to it was lost")
		}
		return
	}
	keys := make([]string, 0, len(messages))
	for i := range messages {
		key, err := messages[i].ToString()
		if err != nil {
			n.tracker.lost(n.addr + " sends what is no list of keys")
			return
		}
		keys = append(keys, strings.TrimPrefix(key, n.tracker.plan.link))
	}
	n.tracker.plan.Tier.Invalidate(keys...)
}

// ask makes sure that the connection lives and leads to a primary. Its answer
// comes behind all invalidations that were sent before. On a Cluster it also
// returns the primaries that the node knows.
//
// HELLO without arguments changes nothing, names the role, and is allowed to
// every user, which ROLE and INFO are not.
func (n *node) ask(ctx context.Context, cluster bool) (primaries []string, err error) {
	commands := rueidis.Commands{n.client.B().Hello().Build()}
	if cluster {
		commands = append(commands, n.client.B().ClusterNodes().Build(), n.client.B().ClusterSlots().Build())
	}
	answers := n.client.DoMulti(ctx, commands...)
	hello, err := answers[0].AsMap()
	if err != nil {
		return nil, fmt.Errorf("%s does not answer: %w", n.addr, err)
	}
	if cluster {
		if primaries, err = readPrimaries(n.addr, answers[1], answers[2]); err != nil {
			return nil, fmt.Errorf("%s does not describe the cluster: %w", n.addr, err)
		}
	}
	role := hello["role"]
	if text, _ := role.ToString(); text != "master" && text != "primary" {
		return primaries, fmt.Errorf("%s is a %s, not a primary", n.addr, text)
	}
	return primaries, nil
}

// close ends the node without news.
func (n *node) close() {
	n.retired.Store(true)
	n.end() // rueidis would wait for the server's last answer
	n.client.Close()
}
