package redisconn

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// keepAlive is how often rueidis and the kernel ask whether an idle connection
// is still there.
const keepAlive = time.Second

// dialer opens connections as target and policy say. Both clients use it.
type dialer struct {
	network string
	connect time.Duration
	// wrap, if not nil, gets the connection under the encryption.
	wrap func(net.Conn) net.Conn
}

// dial connects to addr. cfg is nil without TLS.
func (d dialer) dial(ctx context.Context, addr string, cfg *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.connect)
	defer cancel()
	conn, err := (&net.Dialer{KeepAlive: keepAlive}).DialContext(ctx, d.network, addr)
	if err != nil {
		return nil, err
	}
	if d.wrap != nil {
		conn = d.wrap(conn)
	}
	if cfg == nil {
		return conn, nil
	}
	cfg = cfg.Clone()
	if host, _, err := net.SplitHostPort(addr); err == nil {
		cfg.ServerName = host
	}
	encrypted := tls.Client(conn, cfg)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake's error says more
		return nil, err
	}
	return encrypted, nil
}
