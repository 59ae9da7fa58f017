package echoic

import (
	"context"
	"errors"
	"fmt"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/sqlconn"

	redigo "github.com/gomodule/redigo/redis"
)

// checkRedis connects as the sessions do and asks for the version.
func checkRedis(cfg Config) func(context.Context) (string, error) {
	return func(ctx context.Context) (detail string, err error) {
		target, err := redisconn.Parse(cfg.RedisURL)
		if err != nil {
			return "", err
		}
		pool, err := redisconn.RedigoPool(target, cfg.redisPolicy())
		if err != nil {
			return "", err
		}
		defer func() { err = errors.Join(err, pool.Close()) }()
		conn, err := pool.GetContext(ctx)
		if err != nil {
			return "", fmt.Errorf("%s: %w", target.Addr(), err)
		}
		defer func() { _ = conn.Close() }()
		info, err := redigo.String(redigo.DoContext(conn, ctx, "INFO", "server"))
		if err != nil {
			return "", fmt.Errorf("%s: %w", target.Addr(), err)
		}
		return "Redis " + infoField(info, "redis_version") + " at " + target.Addr(), nil
	}
}

// checkPostgres connects and asks for the version.
func checkPostgres(cfg Config) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		target, err := sqlconn.Parse(cfg.DatabaseURL)
		if err != nil {
			return "", err
		}
		pool, err := sqlconn.OpenPostgres(ctx, target, sqlconn.PoolConfig{MaxConns: 1})
		if err != nil {
			return "", err
		}
		defer pool.Close()
		var version string
		if err := pool.QueryRow(ctx, "SHOW server_version").Scan(&version); err != nil {
			return "", err
		}
		return "Postgres " + version + " at " + target.Addr(), nil
	}
}
