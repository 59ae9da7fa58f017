package redisconn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	redigo "github.com/gomodule/redigo/redis"
)

const (
	// borrowUntested is how long a connection may have been idle to be lent
	// again without asking whether the server is still there.
	borrowUntested = time.Second
	// idleTimeout is when idle connections are closed.
	idleTimeout = 5 * time.Minute
)

// RedigoPool returns a pool of connections to target, which has to be a single
// server: redigo knows neither Sentinel nor Cluster. It opens none before it is
// asked for one, so it can be made while the server is away; failures then come
// from the calls, within the policy's times. Close it when it is not needed any
// more. Get and Do without a context wait for a free connection as long as it
// takes: use GetContext and DoContext.
func RedigoPool(target Target, policy Policy) (*redigo.Pool, error) {
	return RedigoPoolVerified(target, policy, nil)
}

// CheckFunc is told the run id (INFO server) of the server behind a new
// connection, before the connection is given to anybody. If it returns an error
// there is no connection.
type CheckFunc func(ctx context.Context, runID string) error

// RedigoPoolVerified is RedigoPool with a question before a connection is used.
// A nil check asks nothing. The user of the URL needs the permission for INFO.
func RedigoPoolVerified(target Target, policy Policy, check CheckFunc) (*redigo.Pool, error) {
	policy, err := policy.withDefaults(target)
	if err != nil {
		return nil, err
	}
	if target.Kind() != Standalone {
		return nil, fmt.Errorf("redisconn: a redigo pool cannot follow a %s (%s): give the URL of one server, redis://host:port/db", target.Kind(), target.Masked())
	}
	cfg, err := policy.tlsConfig(target)
	if err != nil {
		return nil, err
	}
	d := dialer{network: target.Network(), connect: policy.ConnectTimeout}
	options := []redigo.DialOption{
		// The encryption is the dialer's too, so that connecting has one bound.
		redigo.DialContextFunc(func(ctx context.Context, _, addr string) (net.Conn, error) {
			return d.dial(ctx, addr, cfg)
		}),
		redigo.DialReadTimeout(policy.SocketTimeout),
		redigo.DialWriteTimeout(policy.SocketTimeout),
		redigo.DialClientName(policy.ClientName),
		redigo.DialDatabase(target.DB()),
		// With the name, a server without passwords takes any, as it does from
		// rueidis; without, it would refuse.
		redigo.DialUsername(cmp.Or(target.User(), "default")),
		redigo.DialPassword(target.Password()),
	}
	addr := target.addrs[0]
	var health borrowTest
	return &redigo.Pool{
		MaxIdle:     policy.MaxConnections,
		MaxActive:   policy.MaxConnections,
		Wait:        true,
		IdleTimeout: idleTimeout,
		DialContext: func(ctx context.Context) (redigo.Conn, error) {
			conn, err := redigo.DialContext(ctx, d.network, addr, options...)
			if err == nil && check != nil {
				if err = checkConn(ctx, conn, check); err != nil {
					_ = conn.Close() // the check's error says more
					return nil, fmt.Errorf("redisconn: the server at %s cannot be trusted yet: %w", addr, err)
				}
			}
			return conn, dialFailure(addr, err)
		},
		TestOnBorrowContext: health.test,
	}, nil
}

// checkConn tells check which server is behind conn.
func checkConn(ctx context.Context, conn redigo.Conn, check CheckFunc) error {
	info, err := redigo.String(redigo.DoContext(conn, ctx, "INFO", "server"))
	if err != nil {
		return fmt.Errorf("%s: %w: %s", runIDCommand, err, remedyOf(err))
	}
	id, err := runID(info)
	if err != nil {
		return err
	}
	return check(ctx, id)
}

// dialFailure names the address, which the server's own errors ("WRONGPASS …")
// do not.
func dialFailure(addr string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redisconn: no connection to %s: %w: %s", addr, err, remedyOf(err))
}

// borrowTest asks idle connections whether the server is still there.
type borrowTest struct {
	silent atomic.Int64 // Unix nanoseconds of the last answer that did not come
}

// test drops a connection without asking if another one got no answer just now:
// with a server that has stopped, each of many idle connections would cost one
// socket timeout, one after the other.
func (b *borrowTest) test(ctx context.Context, conn redigo.Conn, used time.Time) error {
	now := time.Now()
	if now.Sub(used) < borrowUntested {
		return nil
	}
	if now.Sub(time.Unix(0, b.silent.Load())) < borrowUntested {
		return errors.New("redisconn: the server did not answer a moment ago")
	}
	_, err := redigo.DoContext(conn, ctx, "PING")
	if isTimeout(err) {
		b.silent.Store(time.Now().UnixNano())
	}
	return err
}
