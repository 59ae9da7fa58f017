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
	"github.com/echoic-go/echoic/cache/live"
)

// Config is what [Pages] are made of. Only Cache is required.
type Config struct {
	// Cache keeps the pages. Required. Its Tags are what Purge purges.
	Cache *cache.Cache
	// TTL is the time to live of pages of routes without one of their own.
	// Defaults to the cache's; in the Strict profile to none.
	TTL time.Duration
	// MaxBodyBytes is the longest body that is kept; a longer one is sent on
	// as it comes. Defaults to 1 MiB.
	MaxBodyBytes int
	// MaxVariants bounds the stored answers of one URL. Defaults to 32.
	MaxVariants int
	// MaxWaiters bounds the requests that wait for another's answer to the
	// same URL; more run the handler themselves. Defaults to 16384.
	MaxWaiters int
	// MaxHandlers bounds the handlers of one route that run at once because the
	// store is away or another request's handler failed. More wait, for
	// WaitTimeout at most, and are then answered by the stale page, if there is
	// one that may be, or 503 with Retry-After. Defaults to 64.
	MaxHandlers int
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
	// Strict is the profile of a cache before another server: RFC 9111 to the
	// letter. What clients ask for is honoured, answers of any final status
	// with explicit freshness are kept, fields stay as they are, and answers
	// go out as they come. The zero value is the profile of an application's
	// own cache (App): visitors cannot force work, and what an application
	// rarely means is not kept.
	Strict bool
	// Heuristic is the part of the time since Last-Modified for which an
	// answer without explicit freshness and TTL is taken to be fresh, as RFC
	// 9111, section 4.2.2, allows; 0.1 is usual. Zero guesses nothing.
	Heuristic float64
	// StaleWhileRevalidate is how long a page is served stale while it is
	// made anew in the background, where neither it nor its route says.
	StaleWhileRevalidate time.Duration
	// StaleIfError is how long a page may be served stale when its handler
	// fails, where neither it nor its route says.
	StaleIfError time.Duration
	// KeepStale is how long a page is kept after it has become stale if its
	// handler gave it a validator, with which it can be asked whether the
	// page is still right. Defaults to an hour.
	KeepStale time.Duration
	// RefreshTimeout bounds one refresh in the background. Defaults to 30 s.
	RefreshTimeout time.Duration
	// Coding is the content coding that is kept beside the plain body of
	// texts, made in the background after the first hit that asks for it:
	// Gzip, Brotli, or Identity for none. Defaults to Gzip; the Strict profile
	// codes nothing.
	Coding string
	// Live are the holes of pages: places that every visitor sees with text of
	// his own although the page is kept for all. Fragments on the pages need the
	// same. Defaults to none; the Strict profile has none.
	Live *live.Set
	// Secret is a secret of the site, the same on all servers, such as
	// SECRET_KEY: validators that are made of pages follow from it, and cost less
	// then. Without it those of servers with a store of their own differ.
	Secret []byte
	// OnHit is called for every answer from the store, before it is sent: a
	// cache outside of the framework hides hits from its logger. It must not
	// block.
	OnHit func(Hit)
	// Recent is how many decisions [Pages.Recent] remembers. Defaults to 256;
	// negative means none.
	Recent int
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
	switch {
	case !cfg.Strict:
		def(&cfg.TTL, cfg.Cache.DefaultTTL())
	case cfg.IgnoreQuery == nil:
		cfg.IgnoreQuery = []string{}
	}
	def(&cfg.KeepStale, time.Hour)
	def(&cfg.RefreshTimeout, 30*time.Second)
	def(&cfg.Coding, Gzip)
	def(&cfg.Recent, 256)
	cfg.Recent = max(cfg.Recent, 0)
	def(&cfg.MaxBodyBytes, 1<<20)
	def(&cfg.MaxVariants, 32)
	def(&cfg.MaxWaiters, 16384)
	def(&cfg.MaxHandlers, 64)
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
		{"MaxWaiters", int64(cfg.MaxWaiters)}, {"MaxHandlers", int64(cfg.MaxHandlers)}, {"WaitTimeout", int64(cfg.WaitTimeout)}, {"StoreBudget", int64(cfg.StoreBudget)},
		{"StaleWhileRevalidate", int64(cfg.StaleWhileRevalidate)}, {"StaleIfError", int64(cfg.StaleIfError)},
		{"KeepStale", int64(cfg.KeepStale)}, {"RefreshTimeout", int64(cfg.RefreshTimeout)},
	} {
		if n.value < 0 {
			return fmt.Errorf("pagecache: Config.%s is %d: give a positive value, or zero for the default", n.name, n.value)
		}
	}
	if !isToken(cfg.Name) || !isToken(cfg.StoreName) {
		return fmt.Errorf("pagecache: Config.Name %q and StoreName %q must be tokens (RFC 9110, section 5.6.2)", cfg.Name, cfg.StoreName)
	}
	switch cfg.Coding {
	case Gzip, Brotli, Identity:
	default:
		return fmt.Errorf("pagecache: Config.Coding is %q: give %q, %q or %q", cfg.Coding, Gzip, Brotli, Identity)
	}
	if cfg.Heuristic < 0 || cfg.Heuristic > 1 {
		return fmt.Errorf("pagecache: Config.Heuristic is %v: give a part of 1, such as 0.1, or zero for none", cfg.Heuristic)
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
