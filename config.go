package echoic

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/echoic-go/echoic/session"
)

// Config is everything that [Open] needs to know. Fill it with [ConfigFromEnv],
// or with [DefaultConfig] and your own code. The tags name the environment
// variables; durations are like "300s" or "5m", a plain number is in seconds.
type Config struct {
	// Env is development, test or production. Production refuses what is
	// insecure.
	Env string `env:"APP_ENV" envDefault:"development"`
	// Addr is where the application listens, host:port.
	Addr string `env:"ADDR" envDefault:"127.0.0.1:8080"`
	// LogLevel is debug, info, warn or error.
	LogLevel slog.Level `env:"LOG_LEVEL" envDefault:"info"`
	// TrustedProxies are the networks (CIDR) or addresses of the proxies in
	// front, whose X-Forwarded-* headers are believed.
	TrustedProxies []string `env:"TRUSTED_PROXIES"`
	// AllowedHosts are the host names whose pages are cached. Empty: all.
	AllowedHosts []string `env:"ALLOWED_HOSTS"`

	// TemplatesDir is where [Config.Templates] finds the templates of the
	// application, for development: an edited file counts from the next request
	// on, and pages are not kept. Empty: in the program. Production refuses one.
	TemplatesDir string `env:"TEMPLATES_DIR"`

	// RedisURL is where Redis is: redis://, rediss:// or unix://.
	RedisURL string `env:"REDIS_URL"`
	// RedisMaxConnections bounds the pool of the sessions, 1 to 10000.
	RedisMaxConnections int `env:"REDIS_MAX_CONNECTIONS" envDefault:"50"`
	// RedisRetryOnTimeout repeats a read once, within its deadline.
	RedisRetryOnTimeout bool `env:"REDIS_RETRY_ON_TIMEOUT" envDefault:"true"`
	// RedisConnectTimeout bounds dialling, 1ms to 1m.
	RedisConnectTimeout time.Duration `env:"REDIS_CONNECT_TIMEOUT" envDefault:"500ms"`
	// RedisSocketTimeout bounds one command, 1ms to 1m.
	RedisSocketTimeout time.Duration `env:"REDIS_SOCKET_TIMEOUT" envDefault:"250ms"`
	// RedisTrustRestart keeps plain values when Redis has restarted: for one
	// that loses nothing then (appendonly yes, appendfsync always). Otherwise
	// they are dropped, because a restart may bring back older ones.
	RedisTrustRestart bool `env:"REDIS_TRUST_RESTART" envDefault:"false"`
	// RedisSentinelUser and RedisSentinelPassword are for the sentinels, where
	// they ask for a password; that in RedisURL is for the servers.
	RedisSentinelUser     string `env:"REDIS_SENTINEL_USER"`
	RedisSentinelPassword string `env:"REDIS_SENTINEL_PASSWORD"`
	// RedisCAFile holds the authorities for rediss://, PEM.
	RedisCAFile string `env:"REDIS_CA_FILE"`
	// RedisCertFile and RedisKeyFile are the client's certificate, PEM.
	RedisCertFile string `env:"REDIS_CERT_FILE"`
	RedisKeyFile  string `env:"REDIS_KEY_FILE"`

	// DatabaseURL is the database: postgres:// or sqlite:.
	DatabaseURL string `env:"DATABASE_URL"`

	// CachePrefix is the first part of all keys; that of the sessions is
	// derived from it.
	CachePrefix string `env:"CACHE_PREFIX" envDefault:"echoic"`
	// CacheVersion is the version of keys, positive.
	CacheVersion int `env:"CACHE_VERSION" envDefault:"1"`
	// CacheTTL is the time to live of values without one of their own.
	CacheTTL time.Duration `env:"CACHE_TTL" envDefault:"300s"`
	// CacheMaxEntries bounds the cache in memory; one in the database may hold
	// a hundred times as many. Redis has its own limit, maxmemory.
	CacheMaxEntries int `env:"CACHE_MAX_ENTRIES" envDefault:"1000"`
	// CacheMaxBytes bounds the cache in memory, in bytes.
	CacheMaxBytes int64 `env:"CACHE_MAX_BYTES" envDefault:"67108864"`
	// CacheNearBytes bounds what this process holds, decoded, of a cache in
	// Redis or the database, in bytes. 0: nothing.
	CacheNearBytes int64 `env:"CACHE_NEAR_BYTES" envDefault:"67108864"`
	// CacheCompression is none, zlib, gzip or zstd.
	CacheCompression string `env:"CACHE_COMPRESSION" envDefault:"zlib"`
	// CacheStoreBudget bounds what one page request may spend on stores outside
	// the process, all calls together, 1ms to 1m.
	CacheStoreBudget time.Duration `env:"CACHE_STORE_BUDGET" envDefault:"50ms"`
	// CacheStaleIfError is how long a page may be served stale when its handler
	// fails, and CacheStaleWhileRevalidate how long while it is made anew in the
	// background, where neither it nor its route says. Default to not at all.
	CacheStaleIfError         time.Duration `env:"CACHE_STALE_IF_ERROR" envDefault:"0s"`
	CacheStaleWhileRevalidate time.Duration `env:"CACHE_STALE_WHILE_REVALIDATE" envDefault:"0s"`

	// JournalRetention is how long it is remembered in the database what was
	// invalidated: as long as the longest page, value or session lives.
	JournalRetention time.Duration `env:"JOURNAL_RETENTION" envDefault:"744h"`

	// RateLimitInstances is how many servers there are at least, 1 to 10000.
	// Without Redis, and while it has never been there, limits are divided by
	// it.
	RateLimitInstances int `env:"RATE_LIMIT_INSTANCES" envDefault:"1"`
	// RateLimitDeadline is how long a decision waits for Redis, 1ms to 1s.
	RateLimitDeadline time.Duration `env:"RATE_LIMIT_DEADLINE" envDefault:"25ms"`
	// RateLimitMaxKeys bounds the limits that this process holds by itself, 1000
	// to 10 million.
	RateLimitMaxKeys int `env:"RATE_LIMIT_MAX_KEYS" envDefault:"100000"`
	// PubSubBuffer is how many messages wait for a slow subscriber, 1 to 100000.
	PubSubBuffer int `env:"PUBSUB_BUFFER" envDefault:"256"`

	// SessionLifetime ends a session however busy it is.
	SessionLifetime time.Duration `env:"SESSION_LIFETIME" envDefault:"24h"`
	// SessionIdleTimeout ends a session that was not used for so long. Zero:
	// only the lifetime counts.
	SessionIdleTimeout time.Duration `env:"SESSION_IDLE_TIMEOUT" envDefault:"0s"`
	// SessionDatabase is the SQLite file of the sessions where there is
	// neither DATABASE_URL nor, in production, REDIS_URL.
	SessionDatabase string `env:"SESSION_DATABASE" envDefault:"data-dev/sessions.db"`
	// SessionCookieName is the cookie's name. Empty: session, in production
	// __Host-session.
	SessionCookieName string `env:"SESSION_COOKIE_NAME"`
	// SessionCookieSecure sends the cookie over https only: true, false, or
	// auto, which is true in production. Production refuses false.
	SessionCookieSecure string `env:"SESSION_COOKIE_SECURE" envDefault:"auto"`

	// SecretKeys sign the CSRF tokens of App.CSRF: at least 32 random characters
	// each, at most 8. The first makes tokens, all are accepted. Empty: production
	// has no App.CSRF, elsewhere a key lasts as long as the process.
	SecretKeys []string `env:"SECRET_KEY"`

	// Sessions changes what Open gives to session.New: Shareable, Codec,
	// MigrateFrom and Compat, for example. It must not change Store. Defaults to
	// nothing.
	Sessions func(*session.Config) `env:"-"`
	// AdminSocket is where [App.ServeAdmin] listens for the command line: the path
	// of a unix socket, with a slash in it, or a loopback address and port. Empty:
	// nowhere.
	AdminSocket string `env:"ADMIN_SOCKET"`
	// AdminToken is what the command line has to present there, at least 16 bytes.
	// A port needs one.
	AdminToken string `env:"ADMIN_TOKEN"`

	// Logger gets what the parts log. Defaults to slog.Default().
	Logger *slog.Logger `env:"-"`
	// Now is the clock by which pages, fragments and values age. Defaults to
	// time.Now.
	Now func() time.Time `env:"-"`
}

// The environments.
const (
	Development = "development"
	Test        = "test"
	Production  = "production"
)

// DefaultConfig returns the defaults of all variables, unaffected by the
// environment.
func DefaultConfig() Config {
	cfg, err := parseConfig(map[string]string{})
	if err != nil {
		panic("echoic: the defaults in Config's tags are wrong: " + err.Error())
	}
	return cfg
}

// Format keeps verbs that would print the fields from showing passwords: they
// all show what String does.
func (cfg Config) Format(f fmt.State, _ rune) {
	// The writer is fmt's own buffer, which does not fail.
	_, _ = io.WriteString(f, cfg.String())
}
