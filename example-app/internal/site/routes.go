package site

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/ratelimit"
)

// pageTTL is how long a page is kept at most. An edit removes it earlier.
const pageTTL = 15 * time.Minute

// lay puts middlewares and handlers in their places.
func (s *Site) lay(e *echo.Echo) {
	e.Use(s.logged(), recovered(), secured, middleware.SameOrigin(), echomw.BodyLimit("64K"), middleware.Sessions(s.app.Sessions), s.tokens())
	s.layCached(e)
	s.layPersonal(e)
	s.layAdmin(e)
	s.layConsole(e)

	// Open pages hear of new quotes here, whichever server they were added on.
	get(e, "/events", middleware.EventsWithConfig(middleware.EventsConfig{
		Bus: s.app.PubSub, Done: s.ended,
		Channels: func(echo.Context) ([]string, error) { return []string{newQuotes}, nil },
	}))
	get(e, "/random", s.random)
	get(e, "/api/quotes/random", s.apiRandom)
	get(e, "/healthz", s.health)
	get(e, "/robots.txt", s.robots)
	get(e, staticPath+"*", s.assets.serve)
}

// layCached lays the pages that are the same for everybody.
func (s *Site) layCached(e *echo.Echo) {
	// Pages with anything else in their query are kept in Redis from the second
	// request on: made-up addresses do not fill it.
	cached := middleware.CachePage(s.app.Pages, pageTTL, pagecache.Query("page", "q"))
	get(e, "/", s.home, cached)
	get(e, "/quotes/:id", s.quote, cached)
	get(e, "/authors", s.authors, cached)
	get(e, "/authors/:slug", s.author, cached)
	get(e, "/topics", s.topics, cached)
	get(e, "/topics/:topic", s.topic, cached)
	get(e, "/search", s.search, cached)
	get(e, "/about", s.about, cached)
	get(e, "/api/quotes/:id", s.apiQuote, cached)
}

// layPersonal lays what belongs to one visitor.
func (s *Site) layPersonal(e *echo.Echo) {
	g := e.Group("", timed)
	get(g, favouritesPath, s.favourites)
	g.POST(favouritesPath, s.addFavourite)
	g.POST(favouritesPath+"/remove", s.removeFavourite)
	get(g, "/login", s.loginForm)
	g.POST("/login", s.login, s.limitedLogins())
	g.POST("/logout", s.logout)
	own := e.Group(devicesPath, timed, middleware.RequireLogin(s.app.Sessions, "/login"))
	get(own, "", s.devices)
	own.POST("/end", s.endDevice)
	own.POST("/end-others", s.endOtherDevices)
}

// limitedLogins bounds how often passwords can be tried: from one address, and from
// one address for one user, so that nobody can keep others from signing in.
func (s *Site) limitedLogins() echo.MiddlewareFunc {
	address := middleware.ByAddress(s.app.Proxies()...)
	return middleware.RateLimitWithConfig(middleware.RateLimitConfig{
		Limiter: s.app.Limiter,
		Rules: []middleware.RateRule{
			{Limit: ratelimit.Limit{Name: "login-address", Requests: 60, Period: 5 * time.Minute, Burst: 20}, Key: address},
			{Limit: ratelimit.Limit{Name: "login-user", Requests: 20, Period: 5 * time.Minute, Burst: 8}, Key: middleware.AllOf(address, middleware.ByForm("username"))},
		},
		Group: address,
	})
}

// layAdmin lays what only editors may do.
func (s *Site) layAdmin(e *echo.Echo) {
	g := e.Group("/admin", timed, middleware.RequireLogin(s.app.Sessions, "/login"), s.onlyAdmin)
	get(g, "", s.admin)
	get(g, "/quotes/new", s.newForm)
	g.POST("/quotes/new", s.add)
	get(g, "/quotes/:id", s.editForm)
	g.POST("/quotes/:id", s.edit)
}

// router is an Echo or a group of one.
type router interface {
	Match(methods []string, path string, handler echo.HandlerFunc, middleware ...echo.MiddlewareFunc) []*echo.Route
}

// get lays a handler for GET and HEAD.
func get(r router, path string, handler echo.HandlerFunc, mw ...echo.MiddlewareFunc) {
	r.Match([]string{http.MethodGet, http.MethodHead}, path, handler, mw...)
}

// secured sets the headers that every answer has. Nothing comes from elsewhere,
// nothing in a page can run or style by itself.
func secured(next echo.HandlerFunc) echo.HandlerFunc {
	const policy = "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set(echo.HeaderContentSecurityPolicy, policy)
		h.Set(echo.HeaderXContentTypeOptions, "nosniff")
		h.Set(echo.HeaderReferrerPolicy, "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		return next(c)
	}
}

// timed tells the bar about pages that are not cached, as pagecache does about
// those that are.
func timed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		c.Response().Before(func() {
			ms := strconv.FormatFloat(float64(time.Since(start))/float64(time.Millisecond), 'f', 3, 64)
			c.Response().Header().Set("Server-Timing", "cache;desc=pass, age;dur=0, render;dur="+ms)
		})
		return next(c)
	}
}

// recovered turns a panic into an error, which is logged with the others.
func recovered() echo.MiddlewareFunc {
	return echomw.RecoverWithConfig(echomw.RecoverConfig{
		LogErrorFunc: func(_ echo.Context, err error, stack []byte) error { return fmt.Errorf("panic: %w\n%s", err, stack) },
	})
}

// logged writes a line for every request. Queries are left out: they hold what
// people search for.
func (s *Site) logged() echo.MiddlewareFunc {
	return echomw.RequestLoggerWithConfig(echomw.RequestLoggerConfig{
		LogMethod: true, LogURIPath: true, LogStatus: true, LogLatency: true, LogResponseSize: true, HandleError: true,
		LogValuesFunc: func(c echo.Context, v echomw.RequestLoggerValues) error {
			s.log.InfoContext(c.Request().Context(), "request", "method", v.Method, "path", v.URIPath, "status", v.Status,
				"bytes", v.ResponseSize, "took", v.Latency, "cache", c.Response().Header().Get("Cache-Status"))
			return nil
		},
	})
}
