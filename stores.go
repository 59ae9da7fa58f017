package echoic

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/sqlconn"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/durable"
	sessionpostgres "github.com/echoic-go/echoic/session/postgres"
	sessionredis "github.com/echoic-go/echoic/session/redis"
	sessionsqlite "github.com/echoic-go/echoic/session/sqlite"
)

// helloTimeout is how long the start waits for a Redis to say that it is there.
const helloTimeout = time.Second

// openPlainStore opens the store that carries the cache, with nothing around it:
// what is wrong with it shows.
func openPlainStore(ctx context.Context, cfg Config, owned *resources) (cache.Store, error) {
	switch cfg.Plan().Cache {
	case Redis:
		return openRedisStore(ctx, cfg, nil, owned)
	case Postgres, SQLite:
		return openDatabaseStore(ctx, cfg, owned)
	}
	return openMemoryStore(cfg, owned)
}

// openMemoryStore opens a cache inside the process.
func openMemoryStore(cfg Config, owned *resources) (cache.Store, error) {
	store, err := memory.New(memory.Config{MaxEntries: cfg.CacheMaxEntries, MaxBytes: cfg.CacheMaxBytes, Now: cfg.Now})
	if err != nil {
		return nil, err
	}
	owned.add(store)
	return store, nil
}

// openRedisStore does not fail when Redis is away: the store connects when it
// is there, and until then pages are made anew.
func openRedisStore(ctx context.Context, cfg Config, verify cache.Verifier, owned *resources) (*redis.Store, error) {
	store, err := redis.New(ctx, redis.Config{
		URL: cfg.RedisURL, ConnectTimeout: cfg.RedisConnectTimeout, SocketTimeout: cfg.RedisSocketTimeout, RetryOnTimeout: cfg.RedisRetryOnTimeout,
		CAFile: cfg.RedisCAFile, CertFile: cfg.RedisCertFile, KeyFile: cfg.RedisKeyFile,
		SentinelUser: cfg.RedisSentinelUser, SentinelPassword: cfg.RedisSentinelPassword, Verify: verify, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	owned.add(store)
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	if err := store.Ping(ctx); err != nil && cfg.Logger != nil {
		cfg.Logger.ErrorContext(ctx, "echoic: Redis is away: running without it until it is back", "error", err)
	}
	return store, nil
}

func (cfg Config) redisPolicy() redisconn.Policy {
	return redisconn.Policy{
		MaxConnections: cfg.RedisMaxConnections, ConnectTimeout: cfg.RedisConnectTimeout, SocketTimeout: cfg.RedisSocketTimeout,
		RetryOnTimeout: cfg.RedisRetryOnTimeout, CAFile: cfg.RedisCAFile, CertFile: cfg.RedisCertFile, KeyFile: cfg.RedisKeyFile,
		SentinelUser: cfg.RedisSentinelUser, SentinelPassword: cfg.RedisSentinelPassword,
	}
}

// databaseFactor is how many more entries a database holds than memory does:
// disk is cheaper, and the tokens of tags are entries there, too.
const databaseFactor = 100

func openDatabaseStore(ctx context.Context, cfg Config, owned *resources) (*database.Store, error) {
	store, err := database.Open(ctx, database.Config{URL: cfg.DatabaseURL, MaxEntries: databaseFactor * cfg.CacheMaxEntries, AutoCreate: true, Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	owned.add(store)
	return store, nil
}

// sessionStore is a session store with a table or without.
type sessionStore interface {
	session.Store
	Close() error
}

// openSessionStore opens the sessions' store, whose table it makes if it has
// none. t, if not nil, is asked before a Redis is used.
func openSessionStore(ctx context.Context, cfg Config, t *trust, owned *resources) (session.Store, error) {
	store, table, err := newSessionStore(ctx, cfg, t, owned)
	if err != nil {
		return nil, err
	}
	if table != nil {
		err = table.CreateTable(ctx)
	}
	return store, err
}

// table is a store that keeps its data in one.
type table interface {
	CreateTable(ctx context.Context) error
	Schema() string
}

// newSessionStore opens the store; table is nil for Redis.
func newSessionStore(ctx context.Context, cfg Config, t *trust, owned *resources) (sessionStore, table, error) {
	plan := cfg.Plan()
	switch {
	case plan.Sessions == Redis && plan.Database != "":
		store, err := openDurableSessions(ctx, cfg, t, owned)
		return store, nil, err
	case plan.Sessions == Redis:
		store, err := openSessionRedis(ctx, cfg, check(t), owned)
		return store, nil, err
	}
	return openSessionTable(ctx, cfg, plan.Sessions, owned)
}

// openDurableSessions opens the database, which decides, and makes its table; and
// Redis before it.
func openDurableSessions(ctx context.Context, cfg Config, t *trust, owned *resources) (sessionStore, error) {
	behind, table, err := openSessionTable(ctx, cfg, cfg.Plan().Database, owned)
	if err != nil {
		return nil, err
	}
	if err := table.CreateTable(ctx); err != nil {
		return nil, err
	}
	target, err := redisconn.Parse(cfg.RedisURL)
	if err != nil {
		return nil, err
	}
	store, err := durable.New(ctx, durable.Config{
		Database: behind,
		Fast: func(check func(context.Context, string) error) (durable.Fast, error) {
			return openSessionRedis(ctx, cfg, check, owned)
		},
		Check: check(t), Cluster: target.Kind() == redisconn.Cluster, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	owned.add(store)
	return store, nil
}

// check is what asks t about a Redis, nil if nobody is to be asked.
func check(t *trust) func(context.Context, string) error {
	if t == nil {
		return nil
	}
	return t.Check
}

// sessionDatabase is a store of sessions with a table.
type sessionDatabase interface {
	durable.Database
	Close() error
}

// openSessionTable opens the sessions in a database.
func openSessionTable(ctx context.Context, cfg Config, in Backend, owned *resources) (sessionDatabase, table, error) {
	if in == Postgres {
		pool, err := openPool(ctx, cfg, owned)
		if err != nil {
			return nil, nil, err
		}
		store, err := sessionpostgres.New(sessionpostgres.Config{Pool: pool, Logger: cfg.Logger})
		if err != nil {
			return nil, nil, err
		}
		owned.add(store)
		return store, store, nil
	}
	db, err := openSessionFile(ctx, cfg, owned)
	if err != nil {
		return nil, nil, err
	}
	store, err := sessionsqlite.New(sessionsqlite.Config{DB: db, Logger: cfg.Logger})
	if err != nil {
		return nil, nil, err
	}
	owned.add(store)
	return store, store, nil
}

func openSessionRedis(ctx context.Context, cfg Config, check func(context.Context, string) error, owned *resources) (sessionredis.Sessions, error) {
	open := sessionredis.OpenConfig{
		URL: cfg.RedisURL, Prefix: cfg.Plan().SessionPrefix, Check: check, MaxConnections: cfg.RedisMaxConnections,
		ConnectTimeout: cfg.RedisConnectTimeout, SocketTimeout: cfg.RedisSocketTimeout, RetryOnTimeout: cfg.RedisRetryOnTimeout,
		CAFile: cfg.RedisCAFile, CertFile: cfg.RedisCertFile, KeyFile: cfg.RedisKeyFile,
		SentinelUser: cfg.RedisSentinelUser, SentinelPassword: cfg.RedisSentinelPassword, Logger: cfg.Logger,
	}
	store, err := sessionredis.Open(ctx, open)
	if err != nil {
		return nil, err
	}
	owned.add(store)
	return store, nil
}

// openPool is a pool of Postgres connections for the sessions alone, so that
// nothing else keeps them waiting.
func openPool(ctx context.Context, cfg Config, owned *resources) (*pgxpool.Pool, error) {
	target, err := sqlconn.Parse(cfg.DatabaseURL)
	if err != nil {
		return nil, err
	}
	pool, err := sqlconn.OpenPostgres(ctx, target, sqlconn.PoolConfig{})
	if err != nil {
		return nil, err
	}
	owned.add(closer(func() error {
		pool.Close()
		return nil
	}))
	return pool, nil
}

// openSessionFile opens DATABASE_URL if it is a SQLite file, else the sessions'
// own.
func openSessionFile(ctx context.Context, cfg Config, owned *resources) (*sql.DB, error) {
	url := cfg.DatabaseURL
	if url == "" {
		url = "sqlite:" + cfg.SessionDatabase
	}
	target, err := sqlconn.Parse(url)
	if err != nil {
		return nil, err
	}
	db, err := sqlconn.OpenSQLite(ctx, target)
	if err != nil {
		return nil, err
	}
	owned.add(db)
	return db, nil
}
