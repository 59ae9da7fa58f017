package redis

import (
	"log/slog"
	"time"

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
	// ClientName is what CLIENT LIST shows. No spaces. Defaults to "echoic".
	ClientName string
	// Logger gets one line when the server goes away and one when it is back.
	// Defaults to discarding them.
	Logger *slog.Logger
}

func (cfg Config) policy() redisconn.Policy {
	return redisconn.Policy{
		ConnectTimeout: cfg.ConnectTimeout,
		SocketTimeout:  cfg.SocketTimeout,
		RetryOnTimeout: cfg.RetryOnTimeout,
		CAFile:         cfg.CAFile,
		CertFile:       cfg.CertFile,
		KeyFile:        cfg.KeyFile,
		ClientName:     cfg.ClientName,
	}
}
