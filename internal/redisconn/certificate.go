package redisconn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"time"
)

// Expiry says when the certificates of an encrypted connection end: the first in the
// chain by which the server's was verified, and the client's own, which is zero if it
// has none. Without TLS both are zero. target has to be one server.
func Expiry(ctx context.Context, target Target, policy Policy) (server, client time.Time, err error) {
	policy, err = policy.withDefaults(target)
	if err != nil || !target.TLS() {
		return server, client, err
	}
	cfg, err := policy.tlsConfig(target)
	if err != nil {
		return server, client, err
	}
	for _, own := range cfg.Certificates {
		leaf := own.Leaf
		if leaf == nil {
			if leaf, err = x509.ParseCertificate(own.Certificate[0]); err != nil {
				return server, client, err
			}
		}
		client = first(client, leaf.NotAfter)
	}
	conn, err := dialer{network: target.Network(), connect: policy.ConnectTimeout}.dial(ctx, target.addrs[0], cfg)
	if err != nil {
		return server, client, err
	}
	defer func() { _ = conn.Close() }() // nothing was sent
	if encrypted, ok := conn.(*tls.Conn); ok {
		for _, chain := range encrypted.ConnectionState().VerifiedChains {
			for _, cert := range chain {
				server = first(server, cert.NotAfter)
			}
		}
	}
	return server, client, nil
}

// first is the earlier, where the zero time is none.
func first(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
