package middleware

import (
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/pagecache"
)

// CachePageConfig configures [CachePageWithConfig].
type CachePageConfig struct {
	// Skipper leaves requests alone for which it returns true. Defaults to
	// none. It must not depend on what other middleware did to the request.
	Skipper middleware.Skipper
	// Pages keeps the pages. Required.
	Pages *pagecache.Pages
	// TTL is how long a page is fresh unless the handler says so itself. Zero
	// means the default of Pages; negative, only what the handler says.
	TTL time.Duration
	// Options modify the route.
	Options []pagecache.Option
}

// CachePage keeps the full responses of a route for ttl. A page that used the
// visitor's session, set a cookie, or said that it is private is never kept.
// Handlers of a cached route do not see undeclared cookies, ignored query
// parameters, or forwarding headers of peers that are not trusted.
//
// It works inside and outside Gzip, CORS, RequestID, Secure, Recover and
// Sessions. Panics if pages is nil.
func CachePage(pages *pagecache.Pages, ttl time.Duration, opts ...pagecache.Option) echo.MiddlewareFunc {
	return CachePageWithConfig(CachePageConfig{Pages: pages, TTL: ttl, Options: opts})
}

// PageCache is CachePage for a group or a whole Echo, with the default time to
// live of pages. Successful answers to unsafe methods (POST, PUT, …) make the
// page of their URL miss. Panics if pages is nil.
func PageCache(pages *pagecache.Pages, opts ...pagecache.Option) echo.MiddlewareFunc {
	return CachePageWithConfig(CachePageConfig{Pages: pages, Options: opts})
}

// CachePageWithConfig is [CachePage] with a config. Panics if Pages is nil.
func CachePageWithConfig(cfg CachePageConfig) echo.MiddlewareFunc {
	if cfg.Pages == nil {
		panic("middleware: CachePageConfig.Pages is nil: pass the *pagecache.Pages that keeps the pages")
	}
	if cfg.Skipper == nil {
		cfg.Skipper = middleware.DefaultSkipper
	}
	route := cfg.Pages.Route(cfg.TTL, cfg.Options...)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if cfg.Skipper(c) || misrouted(c.Echo(), r.Host) {
				return next(c)
			}
			if r.Pattern == "" {
				r.Pattern = c.Path() // for Pages.Recent
			}
			if cfg.Pages.ServeHit(c.Response(), r, route) {
				return nil
			}
			f := newFace(c, next)
			defer f.restore(r)
			return cause(cfg.Pages.ServeWithin(c.Echo(), f, r, route, f.run))
		}
	}
}

// misrouted reports a host in another form than the one that keys have, on an
// Echo that has routes by host: it compares hosts byte for byte, and what it has
// chosen for GOOD.test may not be the page of good.test.
func misrouted(e *echo.Echo, host string) bool {
	if len(e.Routers()) == 0 {
		return false
	}
	name, port, _ := strings.Cut(host, ":")
	return host != strings.ToLower(host) || strings.HasSuffix(name, ".") || port == "80" || port == "443"
}
