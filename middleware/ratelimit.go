package middleware

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/ratelimit"
)

// RateRule is one limit and for whom it is.
type RateRule struct {
	// Limit is how much is allowed. Required.
	Limit ratelimit.Limit
	// Key says whose limit it is. For a request without a key, an empty one,
	// the rule does not count. Defaults to ByAddress().
	Key RateKey
}

// RateLimitConfig configures [RateLimitWithConfig]. Limiter and Rules are
// required.
type RateLimitConfig struct {
	// Skipper leaves requests alone for which it returns true. Defaults to
	// none.
	Skipper middleware.Skipper
	// Limiter decides.
	Limiter *ratelimit.Limiter
	// Rules are 1 to 8 limits with different names, all of which a request has
	// to keep. One that breaks any of them is charged to none.
	Rules []RateRule
	// Group is what all the keys of a request have in common, so that a Cluster
	// can spread them: see ratelimit.Limiter.TakeGroup. Defaults to nothing.
	Group RateKey
	// Cost is how many requests one counts for. It must not be above any burst.
	// Defaults to 1 for all.
	Cost func(c echo.Context) int
	// Denied answers what is over the limit. RateLimit, Retry-After and
	// Cache-Control: no-store have been set. Defaults to an *echo.HTTPError with
	// status 429.
	Denied func(c echo.Context, d ratelimit.Decision) error
	// HideHeaders sends neither RateLimit nor RateLimit-Policy.
	HideHeaders bool
}

// RateLimit allows one limit to each value of the keys together, without keys to
// each address. What is above it is answered 429, with Retry-After. All answers
// have the fields RateLimit-Policy and RateLimit (ratelimit.Decision.SetHeader).
//
//	e.POST("/login", login, middleware.RateLimit(limiter,
//		ratelimit.Limit{Name: "login", Requests: 5, Period: time.Minute}))
//
// Outside CachePage it counts every request, inside only those for which a page
// is made. In either order neither its fields nor a 429 get into a cached page,
// and a page that is made anew in the background is not counted.
//
// Panics if limiter is nil or the limit cannot be used.
func RateLimit(limiter *ratelimit.Limiter, limit ratelimit.Limit, keys ...RateKey) echo.MiddlewareFunc {
	rule := RateRule{Limit: limit}
	if len(keys) > 0 {
		rule.Key = AllOf(keys...)
	}
	return RateLimitWithConfig(RateLimitConfig{Limiter: limiter, Rules: []RateRule{rule}})
}

const mostRateRules = 8

// RateLimitWithConfig is [RateLimit] with a config. Panics as RateLimit does.
func RateLimitWithConfig(cfg RateLimitConfig) echo.MiddlewareFunc {
	if cfg.Limiter == nil {
		panic("middleware: RateLimitConfig.Limiter is nil: pass what ratelimit.New returned")
	}
	if len(cfg.Rules) == 0 || len(cfg.Rules) > mostRateRules {
		panic("middleware: RateLimitConfig.Rules: give 1 to " + strconv.Itoa(mostRateRules))
	}
	if cfg.Skipper == nil {
		cfg.Skipper = middleware.DefaultSkipper
	}
	if cfg.Denied == nil {
		cfg.Denied = tooMany
	}
	cfg.Rules = slices.Clone(cfg.Rules)
	names := make(map[string]bool)
	for i, rule := range cfg.Rules {
		if err := rule.Limit.Check(); err != nil {
			panic("middleware: RateLimitConfig.Rules: " + err.Error())
		}
		if names[rule.Limit.Name] {
			panic("middleware: RateLimitConfig.Rules: two limits are named " + strconv.Quote(rule.Limit.Name) + ": give each a Name of its own")
		}
		names[rule.Limit.Name] = true
		if rule.Key == nil {
			cfg.Rules[i].Key = ByAddress()
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			// A refresh is the server's own request; nobody else can mark one.
			if cfg.Skipper(c) || pagecache.Refreshing(c.Request()) {
				return next(c)
			}
			return cfg.serve(c, next)
		}
	}
}

func (cfg *RateLimitConfig) serve(c echo.Context, next echo.HandlerFunc) error {
	asks := cfg.asks(c)
	if len(asks) == 0 {
		return next(c)
	}
	group := ""
	if cfg.Group != nil {
		group = cfg.Group(c)
	}
	if group == "" && len(cfg.Rules) > 1 { // also if only one of them counts this time
		group = "limits of " + cfg.Rules[0].Limit.Name
	}
	d, err := cfg.Limiter.TakeGroup(c.Request().Context(), group, asks...)
	if err != nil { // a cost above the burst, which can never be allowed
		c.Logger().Error(err)
	}
	h := c.Response().Header()
	if cfg.HideHeaders {
		d.States = nil
	}
	d.SetHeader(h)
	if d.Allowed {
		return next(c)
	}
	h.Set(echo.HeaderCacheControl, "no-store")
	return cfg.Denied(c, d)
}

func (cfg *RateLimitConfig) asks(c echo.Context) []ratelimit.Ask {
	cost := 1
	if cfg.Cost != nil {
		if cost = cfg.Cost(c); cost <= 0 {
			cost = -1 // nothing; 0 means 1 there
		}
	}
	asks := make([]ratelimit.Ask, 0, len(cfg.Rules))
	for _, rule := range cfg.Rules {
		if key := rule.Key(c); key != "" {
			asks = append(asks, ratelimit.Ask{Limit: rule.Limit, Key: key, Cost: cost})
		}
	}
	return asks
}

func tooMany(_ echo.Context, d ratelimit.Decision) error {
	wait := (d.RetryAfter + time.Second - 1).Truncate(time.Second)
	return echo.NewHTTPError(http.StatusTooManyRequests, "Too many requests. Try again in "+max(wait, time.Second).String()+".")
}
