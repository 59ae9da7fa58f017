package redis

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/redisconn"
)

// Config says where Redis is and how long to wait for it. Only URL is required.
type Config struct {
	// URL is one of
	//
	//	redis://[[user]:password@]host:port/db
	//	rediss://[[user]:password@]host:port/db     encrypted
	//	unix://[[user]:password@]/path/to.sock?db=n
	//	redis://s1:26379,s2:26379/mymaster/db       Sentinel
	//	redis://n1:6379,n2:6379/n                   Cluster; n becomes part of the keys
	//
	// The password is shown in no error and no log line.
	URL string
	// ConnectTimeout bounds dialling and the TLS handshake. 1ms to 1m.
	// Defaults to 500ms.
	ConnectTimeout time.Duration
	// SocketTimeout bounds a command, from sending it to having its answer. A
	// call may wait as long again for a connection that is being made.
	// 1ms to 1m. Defaults to 250ms.
	SocketTimeout time.Duration
	// RetryOnTimeout repeats a read, once, that met a timeout or a lost
	// connection, if its context still allows it. Defaults to false.
	RetryOnTimeout bool
	// CAFile holds the PEM certificates of the authorities that may vouch for
	// the server. Only with rediss. Defaults to the system's.
	CAFile string
	// CertFile and KeyFile hold the client's certificate and key, PEM. Both or
	// none, only with rediss. Default to none.
	CertFile, KeyFile string
	// SentinelUser and SentinelPassword are for the sentinels, which do not know
	// the user and the password of the URL. Only with the URL of a Sentinel.
	// Default to none.
	SentinelUser, SentinelPassword string
	// ClientName is what CLIENT LIST shows. No spaces. Defaults to "echoic".
	ClientName string
	// Verify is asked before a server is trusted: on the first connection, and
	// after one has been replaced or has restarted. Until it returns nil, calls
	// fail with an error that wraps cache.ErrDegraded. Its store goes to the
	// servers directly and does nothing after it has returned. Defaults to nil:
	// every server is trusted.
	Verify cache.Verifier
	// HealthKey is what Health asks the server to set if it is there, which it
	// never is: to know whether the server takes writes. With an ACL it has to
	// be among the user's keys. On a Cluster hash tags are added to it.
	// Defaults to "echoic:health".
	HealthKey string
	// Logger gets one line when the server goes away and one when it is back.
	// Defaults to discarding them.
	Logger *slog.Logger
}

const (
	defaultSocketTimeout = 250 * time.Millisecond
	defaultHealthKey     = "echoic:health"
)

func (cfg Config) healthKey() string { return cmp.Or(cfg.HealthKey, defaultHealthKey) }

func (cfg Config) policy() redisconn.Policy {
	return redisconn.Policy{
		ConnectTimeout: cfg.ConnectTimeout,
		SocketTimeout:  cmp.Or(cfg.SocketTimeout, defaultSocketTimeout),
		RetryOnTimeout: cfg.RetryOnTimeout,
		CAFile:         cfg.CAFile,
		CertFile:       cfg.CertFile,
		KeyFile:        cfg.KeyFile,
		ClientName:     cfg.ClientName,
		SentinelUser:   cfg.SentinelUser, SentinelPassword: cfg.SentinelPassword,
	}
}
