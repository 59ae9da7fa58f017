package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/session"
)

// BenchmarkSessionsUntouched is the whole middleware on a request with a cookie
// whose handler does not touch the session.
func BenchmarkSessionsUntouched(b *testing.B) {
	m, _ := newSessions(b, session.Config{})
	c, h, r := benchRequest(middleware.Sessions(m))
	w := c.Response().Writer
	b.ReportAllocs()
	for b.Loop() {
		c.SetRequest(r)
		c.Response().Writer = w
		if err := h(c); err != nil {
			b.Fatal(err)
		}
	}
}

func benchRequest(mw echo.MiddlewareFunc) (echo.Context, echo.HandlerFunc, *http.Request) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "theme", Value: "dark"})
	r.AddCookie(&http.Cookie{Name: "session", Value: unknownToken})
	h := mw(func(echo.Context) error { return nil })
	return newEcho().NewContext(r, httptest.NewRecorder()), h, r
}

// TestSessionsUntouchedAllocations holds the price of an untouched session.
func TestSessionsUntouchedAllocations(t *testing.T) {
	m, _ := newSessions(t, session.Config{})
	c, h, r := benchRequest(middleware.Sessions(m))
	w := c.Response().Writer
	got := testing.AllocsPerRun(100, func() {
		c.SetRequest(r)
		c.Response().Writer = w
		if err := h(c); err != nil {
			t.Fatal(err)
		}
	})
	if got > 4 {
		t.Errorf("%v allocations, want at most 4", got)
	}
}
