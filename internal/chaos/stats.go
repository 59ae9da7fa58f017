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
	// Breaker is the state of the way to Redis, and Opened how often it was
	// given up.
	Breaker string
	Opened  int64
	// Runs is how often the handlers ran that count it.
	Runs int64
	// Reasons is how often the last answers of the page cache came from where
	// they came, if reasons=1 was asked for.
	Reasons map[string]int `json:",omitempty"`
	// HeapLive is in bytes, after a collection, if heap=1 was asked for; Files
	// are the open descriptors, where the system tells.
	HeapLive uint64 `json:",omitempty"`
	Files    int    `json:",omitempty"`
}

// liveHeap collects twice, so that what finalizers freed is gone, and returns
// what is left.
func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// openFiles counts the process' descriptors; 0 where there is no /proc.
func openFiles() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
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
	if s.app.Failover != nil {
		stats := s.app.Failover.Stats()
		answer.Breaker, answer.Opened = stats.State.String(), stats.Opened
	}
	answer.Runs = s.tests.runs.Load()
	if c.QueryParam("reasons") != "" {
		answer.Reasons = map[string]int{}
		for _, d := range s.app.Pages.Recent() {
			answer.Reasons[string(d.Reason)]++
		}
	}
	if c.QueryParam("heap") != "" {
		answer.HeapLive, answer.Files = liveHeap(), openFiles()
	}
	if c.QueryParam("spent") != "" {
		answer.Spent = s.spent.take()
	}
	return c.JSON(http.StatusOK, answer)
}
