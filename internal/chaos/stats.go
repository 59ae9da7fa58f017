package chaos

import (
	"context"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/cache"
)

// Stats is what an app says of itself.
type Stats struct {
	PID        int
	Goroutines int
	// Healthy reports whether the shared store takes part: whether a counter,
	// which no fallback keeps, can be increased in it.
	Healthy bool
	// Why is the error if it is not.
	Why string
	// Spent is by route, since the last time that somebody asked for it.
	Spent map[string]*Spent `json:",omitempty"`
	Cache cache.Stats
}

// probeTimeout is how long the shared store may take to prove its health.
const probeTimeout = 2 * time.Second

func (s *site) stats(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), probeTimeout)
	defer cancel()
	answer := Stats{PID: os.Getpid(), Goroutines: runtime.NumGoroutine(), Cache: s.app.Cache.Stats()}
	if c.QueryParam("probe") != "" {
		_, err := s.app.Cache.IncrWithTTL(ctx, "probe", 1)
		if answer.Healthy = err == nil; err != nil {
			answer.Why = err.Error()
		}
	}
	if c.QueryParam("spent") != "" {
		answer.Spent = s.spent.take()
	}
	return c.JSON(http.StatusOK, answer)
}
