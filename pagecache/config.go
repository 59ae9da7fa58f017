package pagecache

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Config is what [Pages] are made of. Only Cache is required.
type Config struct {
	// Cache keeps the pages. Required. Its Tags are what Purge purges.
	Cache *cache.Cache
	// TTL is the time to live of pages of routes without one of their own.
	// Defaults to the cache's.
	TTL time.Duration
	// MaxBodyBytes is the longest body that is kept; a longer one is sent on
	// as it comes. Defaults to 1 MiB.
	MaxBodyBytes int
	// MaxVariants bounds the stored answers of one URL. Defaults to 32.
	MaxVariants int
	// MaxWaiters bounds the requests that wait for another's answer to the
	// same URL; more run the handler themselves. Defaults to 16384.
	MaxWaiters int
	// WaitTimeout bounds how long they wait. Defaults to 10 s.
	WaitTimeout time.Duration
	// StoreBudget bounds what one request may spend on stores outside the
	// process, all calls together. Defaults to 50 ms.
	StoreBudget time.Duration
	// IgnoreQuery names query parameters that are neither in the key nor
	// seen by the handler; a * at the end matches any rest. Nil means
	// DefaultIgnoreQuery; an empty slice none.
	IgnoreQuery []string
	// SessionCookies are the cookies that handlers see although no route
	// declares them: those of the session manager, which makes a page
	// private when they are used.
	SessionCookies []string
	// Hosts, if not empty, are the host names (with port, if it is not the
	// scheme's default) whose pages are kept; for others handlers run.
	Hosts []string
	// TrustedProxies are the peers whose X-Forwarded-* headers are believed
	// and left for handlers. Others' are hidden on cached routes.
	TrustedProxies []netip.Prefix
	// Development puts reasons into Cache-Status. Never in production: they
	// tell visitors about the application.
	Development bool
	// ServerTiming adds a Server-Timing header with hit or miss, age, render
	// time and StoreName.
	ServerTiming bool
	// StoreName is what Server-Timing calls the store. Defaults to "store".
	StoreName string
	// Name is the cache's name in Cache-Status (RFC 9211). A token. Defaults
	// to "Echoic".
	Name string
	// Logger gets failures that visitors do not see. Defaults to discarding.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// DefaultIgnoreQuery are the parameters that advertisers and mailers add to
// links, and that no page depends on.
var DefaultIgnoreQuery = []string{"utm_*", "gclid", "dclid", "fbclid", "msclkid", "yclid", "mc_cid", "mc_eid", "_ga", "_gl"}

func (cfg Config) withDefaults() (Config, error) {
	if cfg.Cache == nil {
		return cfg, errors.New("pagecache: Config.Cache is nil: set the cache that keeps the pages")
	}
	def(&cfg.TTL, cfg.Cache.DefaultTTL())
	def(&cfg.MaxBodyBytes, 1<<20)
	def(&cfg.MaxVariants, 32)
	def(&cfg.MaxWaiters, 16384)
	def(&cfg.WaitTimeout, 10*time.Second)
	def(&cfg.StoreBudget, 50*time.Millisecond)
	def(&cfg.StoreName, "store")
	def(&cfg.Name, "Echoic")
	if cfg.IgnoreQuery == nil {
		cfg.IgnoreQuery = DefaultIgnoreQuery
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg, cfg.validate()
}

func (cfg Config) validate() error {
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"TTL", int64(cfg.TTL)}, {"MaxBodyBytes", int64(cfg.MaxBodyBytes)}, {"MaxVariants", int64(cfg.MaxVariants)},
		{"MaxWaiters", int64(cfg.MaxWaiters)}, {"WaitTimeout", int64(cfg.WaitTimeout)}, {"StoreBudget", int64(cfg.StoreBudget)},
	} {
		if n.value < 0 {
			return fmt.Errorf("pagecache: Config.%s is %d: give a positive value, or zero for the default", n.name, n.value)
		}
	}
	if !isToken(cfg.Name) || !isToken(cfg.StoreName) {
		return fmt.Errorf("pagecache: Config.Name %q and StoreName %q must be tokens (RFC 9110, section 5.6.2)", cfg.Name, cfg.StoreName)
	}
	return checkPatterns(cfg.IgnoreQuery)
}

func checkPatterns(patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil || strings.Contains(strings.TrimSuffix(p, "*"), "*") {
			return fmt.Errorf("pagecache: query parameter pattern %q: a * is allowed at its end only", p)
		}
	}
	return nil
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
