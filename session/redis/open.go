package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/session"
)

// OpenConfig says where [Open] keeps sessions. Only URL is required.
type OpenConfig struct {
	// URL is redis://[[user]:password@]host:port/db, rediss://… with TLS, or
	// unix://[user:password@]/path.sock?db=n; of Sentinel
	// redis://…@s1:26379,s2:26379/mymaster/0; of a Cluster
	// redis://…@n1:6379,n2:6379/1, whose number becomes a prefix of the keys.
	URL string
	// Prefix starts every key. Defaults to DefaultPrefix.
	Prefix string
	// MaxConnections bounds the pool of a single server. 1 to 10000. Defaults
	// to 50.
	MaxConnections int
	// ConnectTimeout bounds dialling and the TLS handshake. 1ms to 1m. Defaults
	// to 500ms.
	ConnectTimeout time.Duration
	// SocketTimeout bounds the wait for one answer, besides the deadline of the
	// context. 1ms to 1m. Defaults to 250ms.
	SocketTimeout time.Duration
	// RetryOnTimeout lets a read that met a timeout be repeated once, with
	// Sentinel and Cluster. Defaults to false.
	RetryOnTimeout bool
	// CAFile, CertFile and KeyFile are PEM files: the authority that vouches for
	// the server, and the client's certificate and key. Only with TLS. Default
	// to the system's authorities and no client certificate.
	CAFile, CertFile, KeyFile string
	// SentinelUser and SentinelPassword are for the sentinels; the URL has those
	// of the data nodes. Default to none.
	SentinelUser, SentinelPassword string
	// Check is told the run id (INFO server) of each primary before its data are
	// used: at every new connection to a single server, and with Sentinel and
	// Cluster whenever a server is a primary that was none before, or has
	// restarted. While it returns an error, calls fail. Defaults to none.
	Check func(ctx context.Context, runID string) error
	// Logger gets one line when Redis is given up and one when it is back, and
	// with Sentinel and Cluster one for each change between connected and away.
	// Defaults to discarding them.
	Logger *slog.Logger
}

// Sessions is a store that Open has made. Close ends its connections, and leaves
// the sessions alone; further calls fail. It is idempotent.
type Sessions interface {
	session.Store
	session.Swapper
	session.Lister
	session.Indexer
	// Put keeps a record, whatever is under key: for copies of what is elsewhere,
	// as session/durable has them.
	Put(ctx context.Context, key string, rec session.Record) error
	// Ping returns nil when the server answers. The error names it and says what
	// to do.
	Ping(ctx context.Context) error
	Close() error
}

// Open returns a store for whatever the URL names. It does not wait for the
// server: errors are those of the configuration. ctx ends nothing but this call.
//
// A single server is reached by redigo, as by scs; Sentinel and Cluster by
// rueidis, which follows them. Keys and commands are the same.
func Open(ctx context.Context, cfg OpenConfig) (Sessions, error) {
	target, err := redisconn.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("session/redis: OpenConfig.URL: %w", err)
	}
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	if target.Kind() == redisconn.Standalone {
		return openPool(cfg, target)
	}
	return openLink(ctx, cfg, target)
}

// openTimeout is the default of SocketTimeout.
const openTimeout = 250 * time.Millisecond

func (cfg OpenConfig) policy() redisconn.Policy {
	return redisconn.Policy{
		MaxConnections: cfg.MaxConnections, ConnectTimeout: cfg.ConnectTimeout, SocketTimeout: cfg.SocketTimeout,
		RetryOnTimeout: cfg.RetryOnTimeout, CAFile: cfg.CAFile, CertFile: cfg.CertFile, KeyFile: cfg.KeyFile,
		SentinelUser: cfg.SentinelUser, SentinelPassword: cfg.SentinelPassword,
	}
}

// pooled is a Store with a pool of its own.
type pooled struct{ *Store }

func openPool(cfg OpenConfig, target redisconn.Target) (Sessions, error) {
	pool, err := redisconn.RedigoPoolVerified(target, cfg.policy(), cfg.Check)
	if err != nil {
		return nil, fmt.Errorf("session/redis: %w", err)
	}
	store, err := New(Config{Pool: pool, Prefix: cfg.Prefix, Timeout: cmp.Or(cfg.SocketTimeout, openTimeout), Logger: cfg.Logger})
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return pooled{store}, nil
}

// Ping implements Sessions. It asks whatever is known.
func (p pooled) Ping(ctx context.Context) error {
	if p.closed.Load() {
		return failed("ping", session.ErrClosed)
	}
	return failed("ping", p.lend(ctx, p.timeout, func(c conn) error {
		_, err := c.ask("PING")
		return err
	}))
}

// Close implements Sessions.
func (p pooled) Close() error { return errors.Join(p.Store.Close(), p.pool.Close()) }

func openLink(ctx context.Context, cfg OpenConfig, target redisconn.Target) (Sessions, error) {
	var verify redisconn.VerifyFunc
	if cfg.Check != nil {
		verify = func(ctx context.Context, _ rueidis.Client, servers []redisconn.Server) error {
			for _, server := range servers {
				if err := cfg.Check(ctx, server.RunID); err != nil {
					return err
				}
			}
			return nil
		}
	}
	link, err := redisconn.OpenVerified(ctx, target, cfg.policy(), cfg.Logger, verify)
	if err != nil {
		return nil, fmt.Errorf("session/redis: %w", err)
	}
	s := &linked{link: link, prefix: target.KeyPrefix() + cfg.Prefix}
	s.guard = newGuard(cfg.Logger, s.probe)
	return s, nil
}
