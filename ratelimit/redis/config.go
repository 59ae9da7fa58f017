package redis

import (
	"log/slog"
	"time"

	"github.com/echoic-go/echoic/internal/redisconn"
)

// Config says where Redis is. URL and Prefix are required.
type Config struct {
	// URL is as in cache/redis.Config. The password is shown nowhere.
	URL string
	// Prefix is the first part of the keys, without braces.
	Prefix string
	// ConnectTimeout bounds dialling and the TLS handshake. 1ms to 1m.
	// Defaults to 500ms.
	ConnectTimeout time.Duration
	// SocketTimeout is how long a server may be silent before it is connected to
	// anew. (A decision does not wait for it.) 1ms to 1m. Defaults to 250ms.
	SocketTimeout time.Duration
	// CAFile, CertFile and KeyFile are as in cache/redis.Config.
	CAFile, CertFile, KeyFile string
	// SentinelUser and SentinelPassword are for the sentinels. Default to none.
	SentinelUser, SentinelPassword string
	// Logger gets one line when the server goes away and one when it is back.
	// Defaults to discarding them.
	Logger *slog.Logger
}

func (cfg Config) policy() redisconn.Policy {
	return redisconn.Policy{
		ConnectTimeout: cfg.ConnectTimeout, SocketTimeout: cfg.SocketTimeout,
		CAFile: cfg.CAFile, CertFile: cfg.CertFile, KeyFile: cfg.KeyFile, ClientName: "echoic-limiter",
		SentinelUser: cfg.SentinelUser, SentinelPassword: cfg.SentinelPassword,
	}
}
