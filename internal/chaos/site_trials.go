package chaos

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
)

// trials are what the handlers share that count their runs or fail on purpose.
type trials struct {
	runs atomic.Int64
	mood atomic.Pointer[string]
}

// The moods of a handler.
const (
	moodWell   = "well"
	moodError  = "error" // it returns an error
	moodPanic  = "panic"
	moodHalf   = "half" // it writes a part, and then returns an error
	moodHang   = "hang" // it answers when its request is given up
	moodBroken = "500"  // it answers 500
)

const (
	// rowsTimeout is how long the site waits for its own database, on a busy
	// machine.
	rowsTimeout = 3 * time.Second
	// slowHandler is how long the handler takes that a stampede asks for.
	slowHandler = 150 * time.Millisecond
	// moodyTTL is how long its page is fresh, and moodyStale how long it may be
	// shown when the handler fails.
	moodyTTL, moodyStale = 100 * time.Millisecond, time.Minute
)

// routes adds those of trials and fragments.
func (s *site) routes(e *echo.Echo) {
	well := moodWell
	s.tests.mood.Store(&well)
	e.GET("/frag/:key", s.fragment)
	e.GET("/slow/:key", s.slow, middleware.CachePage(s.app.Pages, pageTTL))
	e.GET("/moody/:key", s.moody, middleware.CachePage(s.app.Pages, moodyTTL, pagecache.StaleIfError(moodyStale)))
	e.POST("/mood/:mood", s.setMood)
}

// away is the answer when the site's own rows are away: not a failure, which
// would be ours.
func away(c echo.Context, err error) error {
	c.Response().Header().Set(echo.HeaderRetryAfter, "1")
	return echo.NewHTTPError(http.StatusServiceUnavailable, err.Error()).SetInternal(err)
}

// fragment shows a page, not cached, all of which is one cached fragment.
func (s *site) fragment(c echo.Context) error {
	key := c.Param("key")
	var page bytes.Buffer
	err := s.app.Fragments.Cached(c.Request().Context(), &page, "chaos", pageTTL, []any{key}, func(ctx context.Context, w io.Writer) error {
		version, err := s.version(ctx, key)
		if err == nil {
			_, err = io.WriteString(w, Body{Kind: routeFragment, Key: key, Version: version}.String())
		}
		return err
	})
	if err != nil {
		return away(c, err)
	}
	return c.Blob(http.StatusOK, echo.MIMETextPlainCharsetUTF8, page.Bytes())
}

// slow is what a stampede asks for.
func (s *site) slow(c echo.Context) error {
	s.tests.runs.Add(1)
	timer := time.NewTimer(slowHandler)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.Request().Context().Done():
		return c.Request().Context().Err()
	}
	return c.String(http.StatusOK, Body{Kind: "slow", Key: c.Param("key")}.String())
}

// moody is as the mood is.
func (s *site) moody(c echo.Context) error {
	s.tests.runs.Add(1)
	text := Body{Kind: "moody", Key: c.Param("key")}.String()
	switch *s.tests.mood.Load() {
	case moodError:
		return errors.New("chaos: this handler is to fail")
	case moodPanic:
		panic("chaos: this handler is to panic")
	case moodHalf:
		if err := c.String(http.StatusOK, text[:len(text)/2]); err != nil {
			return err
		}
		return errors.New("chaos: this handler is to fail half-way")
	case moodHang:
		<-c.Request().Context().Done()
		return c.Request().Context().Err()
	case moodBroken:
		return c.String(http.StatusInternalServerError, "chaos: this handler is to be broken")
	}
	return c.String(http.StatusOK, text)
}

func (s *site) setMood(c echo.Context) error {
	mood := c.Param("mood")
	s.tests.mood.Store(&mood)
	return c.NoContent(http.StatusNoContent)
}
