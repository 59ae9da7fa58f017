package middleware

import (
	"net/http"
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
			if cfg.Skipper(c) {
				return next(c)
			}
			f := face{c: c, res: c.Response(), below: c.Response().Writer, next: next}
			defer f.restore(c.Request())
			return cfg.Pages.Serve(&f, c.Request(), route, f.run)
		}
	}
}

// face is the response as the page cache sees it. Before the handler has run,
// an answer goes through Echo's Response, so that its hooks run and it knows
// that it is committed; afterwards Echo's Response is above the recorder, and
// the answer goes to the writer below.
type face struct {
	c     echo.Context
	res   *echo.Response
	below http.ResponseWriter
	next  echo.HandlerFunc
	inner http.ResponseWriter // what the handler writes to; nil until it runs
}

// Header returns the one header map that all writers share.
func (f *face) Header() http.Header { return f.below.Header() }

// WriteHeader sends the status.
func (f *face) WriteHeader(status int) {
	if f.inner == nil {
		f.res.WriteHeader(status)
		return
	}
	f.below.WriteHeader(status)
}

// Write sends a part of the body.
func (f *face) Write(b []byte) (int, error) {
	if f.inner == nil {
		return f.res.Write(b)
	}
	return f.below.Write(b)
}

// Unwrap lets http.ResponseController reach the writers below.
func (f *face) Unwrap() http.ResponseWriter { return f.below }

// run runs the handler on w and r.
func (f *face) run(w http.ResponseWriter, r *http.Request) error {
	f.inner = w
	f.res.Writer = w
	before := f.c.Request()
	f.c.SetRequest(r)
	if r.URL.RawQuery != before.URL.RawQuery {
		f.pruneQuery(r)
	}
	return f.next(f.c)
}

// pruneQuery takes the hidden parameters out of the query that Echo's context
// may have parsed already, for other middleware: it keeps that map.
func (f *face) pruneQuery(r *http.Request) {
	want := r.URL.Query()
	parsed := f.c.QueryParams()
	for name := range parsed {
		if _, seen := want[name]; !seen {
			delete(parsed, name)
		}
	}
}

// restore gives Echo its own request and writer back. After a panic, what the
// handler had written is gone; Echo's Response must not believe that it is out,
// else the error page would be swallowed.
func (f *face) restore(r *http.Request) {
	f.c.SetRequest(r)
	f.res.Writer = f.below
	if f.inner != nil && pagecache.Discarded(f.inner) {
		f.res.Committed, f.res.Status, f.res.Size = false, http.StatusOK, 0
	}
}
