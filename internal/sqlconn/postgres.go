package sqlconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// PoolConfig says how a pool of Postgres connections is opened. The zero value
// is ready to use.
type PoolConfig struct {
	// MaxConns is the most connections; who finds none free waits as long as
	// its context allows. 1 to 10000. Defaults to the URL's pool_max_conns,
	// and without that to 4 or the number of CPUs, whichever is more.
	MaxConns int
	// ConnectTimeout bounds the first connection, which OpenPostgres makes,
	// and each later one. 1ms to 5m. Defaults to the URL's connect_timeout,
	// and without that to 5s.
	ConnectTimeout time.Duration
	// ApplicationName is what pg_stat_activity shows. Defaults to the URL's
	// application_name or PGAPPNAME, and without those to "echoic".
	ApplicationName string
	// Lazy leaves the first connection to the first use: for a database
	// without which the application can start.
	Lazy bool
}

const (
	defaultConnectTimeout  = 5 * time.Second
	defaultApplicationName = "echoic"

	mostConns       = 10_000
	shortestTimeout = time.Millisecond
	longestTimeout  = 5 * time.Minute
)

func (cfg PoolConfig) validate() error {
	switch {
	case cfg.MaxConns < 0 || cfg.MaxConns > mostConns:
		return fmt.Errorf("sqlconn: PoolConfig.MaxConns is %d: give a number from 1 to %d", cfg.MaxConns, mostConns)
	case cfg.ConnectTimeout != 0 && (cfg.ConnectTimeout < shortestTimeout || cfg.ConnectTimeout > longestTimeout):
		return fmt.Errorf("sqlconn: PoolConfig.ConnectTimeout is %v: give a duration from %v to %v", cfg.ConnectTimeout, shortestTimeout, longestTimeout)
	}
	return nil
}

// OpenPostgres opens a pool and, unless it is lazy, sees to it that the server
// answers. An *OpenError names the server and says what to do. The caller
// closes the pool. Calls on it end with their context, whatever the server
// does.
func OpenPostgres(ctx context.Context, target Target, cfg PoolConfig) (*pgxpool.Pool, error) {
	if target.kind != Postgres {
		return nil, fmt.Errorf("sqlconn: %q is no Postgres database: open it with OpenSQLite", target)
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	config, err := cfg.pool(target)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, openError(target, err, config.ConnConfig.ConnectTimeout)
	}
	if cfg.Lazy {
		return pool, nil
	}
	timeout := config.ConnConfig.ConnectTimeout
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, openError(target, err, timeout)
	}
	return pool, nil
}

// pool is what pgx makes of target and cfg.
func (cfg PoolConfig) pool(target Target) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(target.conninfo(target.params))
	if err != nil { // the environment or a certificate has changed since Parse
		return nil, target.refused(err)
	}
	conn := config.ConnConfig
	if cfg.MaxConns > 0 {
		config.MaxConns = int32(cfg.MaxConns)
		config.MinConns, config.MinIdleConns = min(config.MinConns, config.MaxConns), min(config.MinIdleConns, config.MaxConns)
	}
	if cfg.ConnectTimeout > 0 {
		conn.ConnectTimeout = cfg.ConnectTimeout
	}
	if conn.ConnectTimeout <= 0 {
		conn.ConnectTimeout = defaultConnectTimeout
	}
	if cfg.ApplicationName != "" {
		conn.RuntimeParams["application_name"] = cfg.ApplicationName
	} else if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = defaultApplicationName
	}
	return config, nil
}

func openError(target Target, err error, timeout time.Duration) error {
	return &OpenError{Target: target.Masked(), Remedy: remedy(target, err, timeout), Err: err}
}

// remedy is what to do about the commonest reasons why Postgres cannot be
// reached.
func remedy(target Target, err error, timeout time.Duration) string {
	var (
		pg   *pgconn.PgError
		cert *tls.CertificateVerificationError
		dns  *net.DNSError
	)
	switch {
	case errors.As(err, &pg):
		return remedyFor(target, pg.Code)
	case errors.As(err, &cert):
		return "name the authority that vouches for the server with sslrootcert, and reach the server by the name in its certificate"
	case strings.Contains(err.Error(), "refused TLS"):
		return "switch TLS on in the server, or write sslmode=disable if the network can be trusted"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return "start Postgres there, or correct host and port"
	case errors.As(err, &dns):
		return "correct the host name"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("nothing answered within %v: correct host and port, or look for a firewall between here and there", timeout)
	}
	return "see to it that Postgres runs there and is reachable"
}

// remedyFor is remedy for the codes of Postgres' errors.
func remedyFor(target Target, code string) string {
	switch code {
	case "28P01", "28000":
		return "correct user and password, or the server's pg_hba.conf"
	case "3D000":
		return fmt.Sprintf("create the database (createdb %q), or correct its name", target.database)
	case "53300":
		return "raise the server's max_connections, or lower the pools of its clients"
	case "57P03":
		return "try again when the server has started"
	}
	return "correct the URL or the server's settings"
}
