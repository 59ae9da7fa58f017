package echoic

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/pubsub"
	pubsubmemory "github.com/echoic-go/echoic/pubsub/memory"
	pubsubpostgres "github.com/echoic-go/echoic/pubsub/postgres"
	pubsubredis "github.com/echoic-go/echoic/pubsub/redis"
	"github.com/echoic-go/echoic/ratelimit"
	limitmemory "github.com/echoic-go/echoic/ratelimit/memory"
	limitredis "github.com/echoic-go/echoic/ratelimit/redis"
)

// Proxies are the networks of Config.TrustedProxies, for middleware.ByAddress.
func (a *App) Proxies() []netip.Prefix {
	proxies, _ := a.Config.proxies() // Open has checked them
	return proxies
}

// openLimiter opens what keeps rate limits: Redis, or without it this process with
// its share.
func (a *App) openLimiter(ctx context.Context) error {
	store, err := a.openLimits(ctx)
	if err != nil {
		return fmt.Errorf("echoic: rate limits: %w", err)
	}
	a.Limiter, err = ratelimit.New(ratelimit.Config{
		Store: store, Deadline: a.Config.RateLimitDeadline, Instances: a.Config.RateLimitInstances, MaxKeys: a.Config.RateLimitMaxKeys, Logger: a.Logger,
	})
	if err == nil {
		a.owned.add(a.Limiter)
	}
	return err
}

func (a *App) openLimits(ctx context.Context) (ratelimit.Store, error) {
	cfg := a.Config
	if cfg.RedisURL == "" {
		if cfg.RateLimitInstances > 1 {
			return nil, nil // nobody to ask: this process decides, with its share
		}
		return limitmemory.New(limitmemory.Config{MaxKeys: cfg.RateLimitMaxKeys})
	}
	store, err := limitredis.New(ctx, limitredis.Config{
		URL: cfg.RedisURL, Prefix: cfg.CachePrefix, ConnectTimeout: cfg.RedisConnectTimeout, SocketTimeout: cfg.RedisSocketTimeout,
		CAFile: cfg.RedisCAFile, CertFile: cfg.RedisCertFile, KeyFile: cfg.RedisKeyFile,
		SentinelUser: cfg.RedisSentinelUser, SentinelPassword: cfg.RedisSentinelPassword, Logger: a.Logger,
	})
	if err != nil {
		return nil, err
	}
	a.owned.add(store)
	return store, nil
}

// openPubSub opens the way between servers: Redis, Postgres, or within the process.
func (a *App) openPubSub(ctx context.Context) error {
	driver, err := a.openMessages(ctx)
	if err != nil {
		return fmt.Errorf("echoic: messages: %w", err)
	}
	a.owned.add(driver)
	a.PubSub, err = pubsub.New(pubsub.Config{Driver: driver, Prefix: a.Config.CachePrefix, Buffer: a.Config.PubSubBuffer, Logger: a.Logger})
	if err == nil {
		a.owned.add(a.PubSub)
	}
	return err
}

func (a *App) openMessages(ctx context.Context) (pubsub.Driver, error) {
	cfg := a.Config
	switch {
	case cfg.RedisURL != "":
		return pubsubredis.New(ctx, pubsubredis.Config{
			URL: cfg.RedisURL, ConnectTimeout: cfg.RedisConnectTimeout, CAFile: cfg.RedisCAFile, CertFile: cfg.RedisCertFile, KeyFile: cfg.RedisKeyFile,
			SentinelUser: cfg.RedisSentinelUser, SentinelPassword: cfg.RedisSentinelPassword, Logger: a.Logger,
		})
	case a.Plan.Database == Postgres:
		return pubsubpostgres.New(ctx, pubsubpostgres.Config{URL: cfg.DatabaseURL})
	}
	return new(pubsubmemory.Driver), nil
}

// limiterOf is what the console shows of the limiter.
func limiterOf(s ratelimit.Stats) console.Limiter {
	state := "shared"
	if s.Local {
		state = "local"
	}
	return console.Limiter{
		Name: "limiter", State: state, Allowed: s.Allowed, Refused: s.Denied, Degraded: s.Locally,
	}
}
