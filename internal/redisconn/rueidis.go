package redisconn

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/redis/rueidis"
)

const (
	// bufferSize is that of one connection's read and write buffers. With it,
	// one connection carried 139 to 148 thousand GETs a second from 64
	// goroutines; rueidis' own 512 KiB are no faster.
	bufferSize = 64 << 10
	// topologyRefresh is how often sentinels and cluster nodes are asked who
	// is who, besides being listened to: an event that was missed would bind
	// the client to a demoted primary for ever.
	topologyRefresh = time.Second
	// mostMoves bounds how often one command is sent on to another node.
	mostMoves = 5
	// oneConnection and neverDedicated are the values by which rueidis sends
	// everything through one connection, however long a pipeline is.
	oneConnection  = -1
	neverDedicated = -1
)

// RueidisOptions returns the options of a rueidis client for target: no
// retries, no client-side cache, timeouts of the policy, small buffers, one
// connection a server, whatever callers' contexts do to their own calls.
//
// Clients that are to survive an absent server are opened by [Open] instead.
func RueidisOptions(target Target, policy Policy) (rueidis.ClientOption, error) {
	policy, err := policy.withDefaults(target)
	if err != nil {
		return rueidis.ClientOption{}, err
	}
	return rueidisOptions(target, policy)
}

// rueidisOptions is RueidisOptions for a policy that was checked.
func rueidisOptions(target Target, policy Policy) (rueidis.ClientOption, error) {
	cfg, err := policy.tlsConfig(target)
	if err != nil {
		return rueidis.ClientOption{}, err
	}
	timeouts := net.Dialer{Timeout: policy.ConnectTimeout, KeepAlive: keepAlive}
	d := dialer{network: target.Network(), connect: policy.ConnectTimeout, wrap: watch(policy.SocketTimeout, nil, nil)}
	option := rueidis.ClientOption{
		InitAddress: target.Addrs(),
		Username:    target.User(),
		Password:    target.Password(),
		ClientName:  policy.ClientName,
		SelectDB:    target.DB(),
		TLSConfig:   cfg,
		Dialer:      timeouts,
		DialCtxFn: func(ctx context.Context, addr string, _ *net.Dialer, cfg *tls.Config) (net.Conn, error) {
			return d.dial(ctx, addr, cfg)
		},
		ConnWriteTimeout:    policy.SocketTimeout,
		ReadBufferEachConn:  bufferSize,
		WriteBufferEachConn: bufferSize,
		PipelineMultiplex:   oneConnection,
		BlockingPipeline:    neverDedicated,
		BlockingPoolSize:    policy.MaxConnections,
		DisableRetry:        true,
		DisableCache:        true,
		// Otherwise a caller that is alone on the connection reads and writes
		// it itself, and its deadline closes the connection for everybody.
		AlwaysPipelining: true,
	}
	switch target.Kind() {
	case Standalone:
		option.ForceSingleClient = true
	case Sentinel:
		// By its resolver, which is not used, a dial function tells sentinels
		// from data nodes.
		sentinels := timeouts
		sentinels.Resolver = new(net.Resolver)
		option.Sentinel = rueidis.SentinelOption{
			MasterSet: target.Master(), Dialer: sentinels, TLSConfig: cfg, ClientName: policy.ClientName,
			Username: policy.SentinelUser, Password: policy.SentinelPassword,
			TopologyRefreshInterval: topologyRefresh,
		}
	case Cluster:
		option.SelectDB = 0
		option.ClusterOption = rueidis.ClusterOption{ShardsRefreshInterval: 5 * topologyRefresh, MaxMovedRedirections: mostMoves}
	}
	return option, nil
}
