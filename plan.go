package echoic

import (
	"log/slog"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/sqlconn"
)

// Backend is what keeps values or sessions.
type Backend string

// The backends.
const (
	Memory   Backend = "memory"
	SQLite   Backend = "sqlite"
	Postgres Backend = "postgres"
	Redis    Backend = "redis"
)

// Plan is what a [Config] leads to.
type Plan struct {
	Cache    Backend
	Sessions Backend
	// Database is that of DATABASE_URL, or empty.
	Database Backend
	// Cookie is the session cookie's name, Secure whether it needs https.
	Cookie string
	Secure bool
	// SessionPrefix is the first part of sessions' keys in Redis.
	SessionPrefix string
	// Warnings are what works but promises less than it could.
	Warnings []string
}

// Plan decides which backends carry what. It looks at nothing but cfg, which
// must be valid.
//
//	                cache                          sessions
//	development     memory; Redis with REDIS_URL   SQLite file; DATABASE_URL's database
//	production      Redis with REDIS_URL,          Redis with REDIS_URL,
//	                else the database              else the database
func (cfg Config) Plan() Plan {
	p := Plan{Cache: Memory, Sessions: SQLite, Cookie: cfg.SessionCookieName, SessionPrefix: cfg.CachePrefix + "-session:"}
	p.Secure, _ = cfg.cookieSecure()
	if cfg.DatabaseURL != "" {
		p.Database = Postgres
		if target, err := sqlconn.Parse(cfg.DatabaseURL); err == nil && target.Kind() == sqlconn.SQLite {
			p.Database = SQLite
		}
		p.Sessions = p.Database
	}
	switch {
	case cfg.RedisURL != "":
		p.Cache = Redis
		if cfg.Env == Production {
			p.Sessions = Redis
		}
	case cfg.Env == Production:
		p.Cache = p.Database
		p.Warnings = append(p.Warnings, "REDIS_URL is not set: cache and sessions are in the database, which is slower and carries more load; each server keeps its share of rate limits: set RATE_LIMIT_INSTANCES to how many there are")
	}
	if cfg.Env == Production && cfg.DatabaseURL == "" {
		p.Warnings = append(p.Warnings, "DATABASE_URL is not set: a Redis that loses data loses sessions, and logouts and purges with them")
	}
	if p.Cookie == "" {
		p.Cookie = "session"
		if cfg.Env == Production {
			p.Cookie = "__Host-session"
		}
	}
	if cfg.Env == Production && p.Database == SQLite {
		p.Warnings = append(p.Warnings, "DATABASE_URL is a SQLite file: it serves one machine only")
	}
	return p
}

// LogValue shows what the configuration leads to, without passwords.
func (cfg Config) LogValue() slog.Value {
	p := cfg.Plan()
	return slog.GroupValue(
		slog.String("env", cfg.Env), slog.String("addr", cfg.Addr), slog.String("prefix", cfg.CachePrefix),
		slog.String("cache", string(p.Cache)), slog.String("sessions", string(p.Sessions)),
		slog.String("redis", maskedRedis(cfg.RedisURL)), slog.String("database", maskedDatabase(cfg.DatabaseURL)))
}

// String shows what LogValue does.
func (cfg Config) String() string { return cfg.LogValue().String() }

// GoString keeps %#v from showing passwords.
func (cfg Config) GoString() string { return cfg.String() }

func maskedRedis(raw string) string {
	if raw == "" {
		return ""
	}
	target, err := redisconn.Parse(raw)
	if err != nil {
		return "(invalid)"
	}
	return target.Masked()
}

func maskedDatabase(raw string) string {
	if raw == "" {
		return ""
	}
	target, err := sqlconn.Parse(raw)
	if err != nil {
		return "(invalid)"
	}
	return target.Masked()
}
