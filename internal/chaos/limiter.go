package chaos

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/ratelimit"
	limitredis "github.com/echoic-go/echoic/ratelimit/redis"
)

const routeLimit = "limit"

// siteLimit is what all visitors of the limited route share. The load asks for
// more.
func siteLimit() ratelimit.Limit {
	return ratelimit.Limit{Name: "chaos", Requests: 8, Period: time.Second, Burst: 4}
}

// siteInstances is how many apps a limiter takes to be there at least.
const siteInstances = 2

// newLimiter opens the site's limiter, in Redis if there is one.
func newLimiter(ctx context.Context, set settings) (*ratelimit.Limiter, io.Closer, error) {
	cfg := ratelimit.Config{Instances: siteInstances}
	var store *limitredis.Store
	if set.RedisURL != "" {
		var err error
		if store, err = limitredis.New(ctx, limitredis.Config{URL: set.RedisURL, Prefix: set.Prefix}); err != nil {
			return nil, nil, err
		}
		cfg.Store = store
	}
	limiter, err := ratelimit.New(cfg)
	return limiter, closeFunc(func() error {
		var problems []error
		if limiter != nil {
			problems = append(problems, limiter.Close())
		}
		if store != nil {
			problems = append(problems, store.Close())
		}
		return errors.Join(problems...)
	}), err
}

type closeFunc func() error

func (c closeFunc) Close() error { return c() }

func limited(e *echo.Echo, limiter *ratelimit.Limiter) {
	everybody := func(echo.Context) string { return "everybody" }
	e.GET("/limited", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }, middleware.RateLimit(limiter, siteLimit(), everybody))
}

// allowances are the requests that were allowed, as the clients saw it.
type allowances struct {
	mu   sync.Mutex
	list []span
}

type span struct{ begun, ended time.Time }

// Limited asks for what is limited. A refusal counts as a Miss.
func (w *World) Limited(app *App) Result {
	a := w.ask(app, http.MethodGet, "/limited", "")
	outcome := a.outcome(http.StatusNoContent)
	switch {
	case outcome == OK:
		w.allowed.mu.Lock()
		w.allowed.list = append(w.allowed.list, span{a.begun, a.begun.Add(a.took)})
		w.allowed.mu.Unlock()
	case a.err == nil && a.status == http.StatusTooManyRequests:
		outcome = Miss
		if a.retryAfter == "" {
			w.Oracle.violate("limit: a 429 of %s without Retry-After", a.life)
		}
	}
	return a.result(routeLimit, outcome)
}

// most is the greatest number of requests that were certainly allowed within one
// period: those that had not begun before it, and had ended with it.
func (a *allowances) most(period time.Duration) (most int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.SortFunc(a.list, func(x, y span) int { return x.begun.Compare(y.begun) })
	for i, first := range a.list {
		end, count := first.begun.Add(period), 0
		for _, s := range a.list[i:] {
			if s.begun.After(end) {
				break
			}
			if !s.ended.After(end) {
				count++
			}
		}
		most = max(most, count)
	}
	return most
}

// judgeLimit holds what was allowed against the limit: once, or twice if the
// limiters may have changed their mode.
func (w *World) judgeLimit(changes bool) (most, may int) {
	limit := siteLimit()
	if may = limit.Requests + limit.Burst; changes {
		may *= 2
	}
	if most = w.allowed.most(limit.Period); most > may {
		w.Oracle.violate("limit: %d requests were allowed within %v; at most %d may be", most, limit.Period, may)
	}
	return most, may
}
