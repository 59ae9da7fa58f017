package echoic

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/sqlconn"
)

// checkRedis connects and asks for the version.
func checkRedis(cfg Config) func(context.Context) (string, error) {
	return func(ctx context.Context) (detail string, err error) {
		target, err := redisconn.Parse(cfg.RedisURL)
		if err != nil {
			return "", err
		}
		link, err := redisconn.Open(ctx, target, cfg.redisPolicy(), nil)
		if err != nil {
			return "", err
		}
		defer func() { err = errors.Join(err, link.Close()) }()
		if err := link.Ping(ctx); err != nil {
			return "", err
		}
		var info string
		err = link.Read(ctx, "info", func(ctx context.Context, c rueidis.Client) (err error) {
			info, err = c.Do(ctx, c.B().Info().Section("server").Build()).ToString()
			return err
		})
		if err != nil {
			return "", err
		}
		detail = "Redis " + infoField(info, "redis_version") + " at " + target.Addr()
		if target.Kind() != redisconn.Standalone {
			detail += " (" + target.Kind().String() + ")"
		}
		return detail, nil
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

// checkTables looks for the tables in Postgres.
func checkTables(cfg Config, plan Plan) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		missing, err := missingTables(ctx, cfg, plan)
		if err == nil && len(missing) > 0 {
			err = fmt.Errorf("missing: %s", strings.Join(missing, ", "))
		}
		return fmt.Sprintf("all %d are there", len(relations(plan))), err
	}
}
