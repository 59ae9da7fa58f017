package echoic

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/console/admin"
	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/sqlconn"
)

// ConfigError is one thing that is wrong with a [Config].
type ConfigError struct {
	Variable string // the environment variable
	Value    string // its value, passwords masked; may be empty
	Problem  string // what is wrong
	Remedy   string // what to do
}

func (e *ConfigError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %s: %s", e.Variable, e.Problem, e.Remedy)
	}
	return fmt.Sprintf("%s: %q %s: %s", e.Variable, e.Value, e.Problem, e.Remedy)
}

// longestShown is how much of a value an error shows, in bytes.
const longestShown = 200

// shown is what an error may show of a value that should hold no password, but
// may: somebody put a URL into the wrong variable.
func shown(value string) string {
	if scheme, _, ok := strings.Cut(value, "://"); ok {
		return scheme + "://***"
	}
	if len(value) > longestShown {
		return strings.ToValidUTF8(value[:longestShown], "") + "…"
	}
	return value
}

// Validate checks everything that can be checked without connecting. The error
// joins all problems.
func (cfg Config) Validate() error {
	return errors.Join(cfg.checkBasics(), cfg.checkCache(), cfg.checkLimits(), cfg.checkSessions(), cfg.checkRedis(), cfg.checkDatabase(), cfg.checkAdmin())
}

// checkAdmin shows neither address nor token: one may be in the other's place.
func (cfg Config) checkAdmin() error {
	if cfg.AdminSocket == "" {
		return nil
	}
	if err := admin.CheckAddress(cfg.AdminSocket, cfg.AdminToken); err != nil {
		return &ConfigError{Variable: "ADMIN_SOCKET", Problem: "cannot be used", Remedy: strings.TrimPrefix(err.Error(), "admin: ")}
	}
	return nil
}

func (cfg Config) checkBasics() error {
	var problems []error
	if !slices.Contains([]string{Development, Test, Production}, cfg.Env) {
		problems = append(problems, &ConfigError{"APP_ENV", shown(cfg.Env), "is not known", "use development, test or production"})
	}
	if _, port, err := net.SplitHostPort(cfg.Addr); err != nil || !isPort(port) {
		problems = append(problems, &ConfigError{"ADDR", shown(cfg.Addr), "is no address to listen on", "use host:port, as in 127.0.0.1:8080"})
	}
	if _, err := cfg.proxies(); err != nil {
		problems = append(problems, err)
	}
	for _, host := range cfg.AllowedHosts {
		if host == "" || strings.ContainsAny(host, "/@ ") {
			problems = append(problems, &ConfigError{"ALLOWED_HOSTS", shown(host), "is no host name", "use names separated by commas, as in example.org,www.example.org"})
		}
	}
	return errors.Join(append(problems, cfg.checkTemplates())...)
}

func (cfg Config) checkTemplates() error {
	if cfg.TemplatesDir == "" {
		return nil
	}
	if cfg.Env == Production {
		return &ConfigError{"TEMPLATES_DIR", shown(cfg.TemplatesDir), "reads the templates at every request, which production refuses", "leave it empty: the templates in the program are used"}
	}
	if info, err := os.Stat(cfg.TemplatesDir); err != nil || !info.IsDir() {
		return &ConfigError{"TEMPLATES_DIR", shown(cfg.TemplatesDir), "is no directory", "name the one that holds the templates, from where the program is started"}
	}
	return nil
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= 65535
}

// proxies parses TrustedProxies.
func (cfg Config) proxies() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range cfg.TrustedProxies {
		if addr, err := netip.ParseAddr(text); err == nil {
			list = append(list, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, &ConfigError{"TRUSTED_PROXIES", shown(text), "is no network", "use addresses or networks separated by commas, as in 10.0.0.0/8,127.0.0.1"}
		}
		list = append(list, network.Masked())
	}
	return list, nil
}

// leastCacheBytes is the smallest memory cache that there is.
const leastCacheBytes = 4096

func (cfg Config) checkCache() error {
	var problems []error
	if _, err := cache.CompressorByName(cfg.CacheCompression); err != nil {
		problems = append(problems, &ConfigError{"CACHE_COMPRESSION", shown(cfg.CacheCompression), "is not known", "use none, zlib, gzip or zstd"})
	}
	if cache.CheckPrefix(cfg.CachePrefix) != nil {
		problems = append(problems, &ConfigError{"CACHE_PREFIX", shown(cfg.CachePrefix), "cannot be a prefix", `use at most 100 letters, digits and ".-_:", and none of v, p, f, t and l alone between colons`})
	}
	problems = append(problems,
		number("CACHE_VERSION", int64(cfg.CacheVersion), 1), number("CACHE_MAX_ENTRIES", int64(cfg.CacheMaxEntries), 1), number("CACHE_MAX_BYTES", cfg.CacheMaxBytes, leastCacheBytes),
		nearBytes(cfg.CacheNearBytes), atLeast("JOURNAL_RETENTION", cfg.JournalRetention, time.Hour),
		atLeast("CACHE_TTL", cfg.CacheTTL, time.Millisecond), between("CACHE_STORE_BUDGET", cfg.CacheStoreBudget, time.Millisecond, time.Minute),
		atLeast("CACHE_STALE_IF_ERROR", cfg.CacheStaleIfError, 0), atLeast("CACHE_STALE_WHILE_REVALIDATE", cfg.CacheStaleWhileRevalidate, 0))
	return errors.Join(problems...)
}

// leastNearBytes is the smallest near tier that there is.
const leastNearBytes = 64 << 10

func nearBytes(n int64) error {
	if n == 0 {
		return nil
	}
	return number("CACHE_NEAR_BYTES", n, leastNearBytes)
}

func (cfg Config) checkLimits() error {
	return errors.Join(
		numberBetween("RATE_LIMIT_INSTANCES", cfg.RateLimitInstances, 1, 10_000),
		between("RATE_LIMIT_DEADLINE", cfg.RateLimitDeadline, time.Millisecond, time.Second),
		numberBetween("RATE_LIMIT_MAX_KEYS", cfg.RateLimitMaxKeys, 1000, 10_000_000),
		numberBetween("PUBSUB_BUFFER", cfg.PubSubBuffer, 1, 100_000))
}

func numberBetween(variable string, n, least, most int) error {
	if n >= least && n <= most {
		return nil
	}
	return &ConfigError{variable, strconv.Itoa(n), "is out of range", fmt.Sprintf("use %d to %d", least, most)}
}

func (cfg Config) checkSessions() error {
	var problems []error
	if cfg.JournalRetention < cfg.SessionLifetime {
		problems = append(problems, &ConfigError{"JOURNAL_RETENTION", cfg.JournalRetention.String(), "is shorter than SESSION_LIFETIME (" + cfg.SessionLifetime.String() + "): a logout could be forgotten before the session is", "raise it to at least that"})
	}
	problems = append(problems, atLeast("SESSION_LIFETIME", cfg.SessionLifetime, time.Second))
	if idle := cfg.SessionIdleTimeout; idle != 0 {
		problems = append(problems, atLeast("SESSION_IDLE_TIMEOUT", idle, time.Second))
		if idle > cfg.SessionLifetime {
			problems = append(problems, &ConfigError{"SESSION_IDLE_TIMEOUT", idle.String(), "is longer than SESSION_LIFETIME (" + cfg.SessionLifetime.String() + "), which ends the session before", "shorten it, or set it to 0s"})
		}
	}
	if cfg.DatabaseURL == "" && cfg.Plan().Sessions == SQLite {
		if _, err := sqlconn.Parse("sqlite:" + cfg.SessionDatabase); err != nil {
			problem, remedy := explain(err)
			problems = append(problems, &ConfigError{"SESSION_DATABASE", shown(cfg.SessionDatabase), "is no SQLite file: " + problem, remedy})
		}
	}
	return errors.Join(append(problems, cfg.checkCookie(), cfg.checkSecretKeys())...)
}

const (
	leastSecretKey = 32 // characters
	mostSecretKeys = 8
)

// checkSecretKeys shows none of them.
func (cfg Config) checkSecretKeys() error {
	const remedy = "make one with `openssl rand -base64 32`; to change it, put the new one in front: SECRET_KEY=new,old"
	if n := len(cfg.SecretKeys); n > mostSecretKeys {
		return &ConfigError{"SECRET_KEY", fmt.Sprintf("%d keys", n), fmt.Sprintf("has more than %d", mostSecretKeys), "take the oldest away"}
	}
	for i, key := range cfg.SecretKeys {
		if len(key) < leastSecretKey {
			return &ConfigError{"SECRET_KEY", "", fmt.Sprintf("is too short: key %d has %d characters, at least %d are needed", i+1, len(key), leastSecretKey), remedy}
		}
	}
	return nil
}

func (cfg Config) checkCookie() error {
	secure, ok := cfg.cookieSecure()
	name := cfg.SessionCookieName
	var problems []error
	switch {
	case !ok:
		problems = append(problems, &ConfigError{"SESSION_COOKIE_SECURE", shown(cfg.SessionCookieSecure), "is not known", "use true, false or auto"})
	case cfg.Env == Production && !secure:
		problems = append(problems, &ConfigError{"SESSION_COOKIE_SECURE", shown(cfg.SessionCookieSecure), "would send session cookies over plain http in production", "remove it, or set it to true"})
	}
	switch {
	case strings.Trim(name, cookieName) != "":
		problems = append(problems, &ConfigError{"SESSION_COOKIE_NAME", shown(name), "is no name of a cookie", "use letters, digits, - and _"})
	case cfg.Env == Production && name != "" && !strings.HasPrefix(name, "__Host-"):
		problems = append(problems, &ConfigError{"SESSION_COOKIE_NAME", name, "lets other hosts of the domain set the cookie in production", "use a name that starts with __Host-, or remove it for __Host-session"})
	case ok && !secure && (strings.HasPrefix(name, "__Host-") || strings.HasPrefix(name, "__Secure-")):
		problems = append(problems, &ConfigError{"SESSION_COOKIE_NAME", name, "is ignored by browsers without SESSION_COOKIE_SECURE", "set SESSION_COOKIE_SECURE=true, or use another name"})
	}
	return errors.Join(problems...)
}

// cookieName are the characters of a cookie's name: less than RFC 6265 allows,
// as much as anybody needs.
const cookieName = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// cookieSecure returns the switch's meaning, and whether it has one.
func (cfg Config) cookieSecure() (secure, ok bool) {
	switch strings.ToLower(cfg.SessionCookieSecure) {
	case "true", "1", "yes", "on":
		return true, true
	case "false", "0", "no", "off":
		return false, true
	case "auto", "":
		return cfg.Env == Production, true
	}
	return false, false
}

func (cfg Config) checkRedis() error {
	var problems []error
	if n := cfg.RedisMaxConnections; n < 1 || n > 10_000 {
		problems = append(problems, &ConfigError{"REDIS_MAX_CONNECTIONS", strconv.Itoa(n), "is out of range", "use 1 to 10000"})
	}
	problems = append(problems,
		between("REDIS_CONNECT_TIMEOUT", cfg.RedisConnectTimeout, time.Millisecond, time.Minute),
		between("REDIS_SOCKET_TIMEOUT", cfg.RedisSocketTimeout, time.Millisecond, time.Minute))
	if cfg.RedisURL == "" {
		return errors.Join(problems...)
	}
	target, err := redisconn.Parse(cfg.RedisURL)
	if err != nil {
		problem, remedy := explain(err)
		return errors.Join(append(problems, &ConfigError{"REDIS_URL", redisconn.Mask(cfg.RedisURL), "is malformed: " + problem, remedy})...)
	}
	return errors.Join(append(problems, cfg.checkLogin(target), cfg.secureRedis(target))...)
}

// loginVariables are those from which the policy's fields come.
var loginVariables = map[string]string{
	"CAFile": "REDIS_CA_FILE", "CertFile": "REDIS_CERT_FILE", "KeyFile": "REDIS_KEY_FILE",
	"SentinelUser": "REDIS_SENTINEL_USER", "SentinelPassword": "REDIS_SENTINEL_PASSWORD",
}

// checkLogin reads the certificates, and says which passwords nobody asks for.
func (cfg Config) checkLogin(target redisconn.Target) error {
	policy := redisconn.Policy{
		CAFile: cfg.RedisCAFile, CertFile: cfg.RedisCertFile, KeyFile: cfg.RedisKeyFile,
		SentinelUser: cfg.RedisSentinelUser, SentinelPassword: cfg.RedisSentinelPassword,
	}
	err := policy.Check(target)
	var field *redisconn.PolicyError
	if errors.As(err, &field) {
		return &ConfigError{Variable: loginVariables[field.Field], Problem: field.Problem, Remedy: field.Remedy}
	}
	return err
}

// secureRedis refuses, in production, what others on the network can read or
// use.
func (cfg Config) secureRedis(target redisconn.Target) error {
	if cfg.Env != Production || !target.Remote() {
		return nil
	}
	var problems []error
	if !target.HasPassword() {
		problems = append(problems, &ConfigError{"REDIS_URL", target.Masked(), "reaches another machine without a password", "set one (requirepass or an ACL user) and put it into the URL"})
	}
	if !target.TLS() {
		problems = append(problems, &ConfigError{"REDIS_URL", target.Masked(), "reaches another machine without TLS", "use rediss://, or a tunnel to a loopback address"})
	}
	return errors.Join(problems...)
}

// explain takes the errors of the URL parsers apart.
func explain(err error) (problem, remedy string) {
	var (
		redis *redisconn.ParseError
		sql   *sqlconn.ParseError
	)
	switch {
	case errors.As(err, &redis):
		return redis.Part + " " + redis.Problem, redis.Remedy
	case errors.As(err, &sql):
		return sql.Part + " " + sql.Problem, sql.Remedy
	}
	return err.Error(), "see .env.example"
}

func (cfg Config) checkDatabase() error {
	if cfg.DatabaseURL == "" {
		if cfg.Env == Production && cfg.RedisURL == "" {
			return &ConfigError{"DATABASE_URL", "", "is missing in production, and so is REDIS_URL: sessions would be lost", "set DATABASE_URL=postgres://user:password@host:5432/name, and better REDIS_URL too"}
		}
		return nil
	}
	target, err := sqlconn.Parse(cfg.DatabaseURL)
	if err != nil {
		problem, remedy := explain(err)
		return &ConfigError{"DATABASE_URL", sqlconn.Mask(cfg.DatabaseURL), "is malformed: " + problem, remedy}
	}
	if cfg.Env != Production || !target.Remote() {
		return nil
	}
	var problems []error
	if !target.HasPassword() {
		problems = append(problems, &ConfigError{"DATABASE_URL", target.Masked(), "reaches another machine without a password", "put it into the URL"})
	}
	if !target.TLS() {
		problems = append(problems, &ConfigError{"DATABASE_URL", target.Masked(), "reaches another machine without TLS", "add sslmode=verify-full (or require)"})
	}
	return errors.Join(problems...)
}

func number(variable string, n, least int64) error {
	if n >= least {
		return nil
	}
	return &ConfigError{variable, strconv.FormatInt(n, 10), "is out of range", "use " + strconv.FormatInt(least, 10) + " or more"}
}

func atLeast(variable string, d, least time.Duration) error {
	if d >= least {
		return nil
	}
	return &ConfigError{variable, d.String(), "is too short", "use at least " + least.String()}
}

func between(variable string, d, least, most time.Duration) error {
	if d >= least && d <= most {
		return nil
	}
	return &ConfigError{variable, d.String(), "is out of range", "use " + least.String() + " to " + most.String()}
}
