package middleware

import (
	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/cache"
)

// ErrorHandler is next for an Echo behind a page cache that does not see its errors:
// Pages.Handler around all of it, or CachePage with Echo's Recover inside. What a
// handler had written before it failed, half a page, is then not kept. Without it a
// cache that is outermost takes such an answer for a complete one.
//
//	e.HTTPErrorHandler = middleware.ErrorHandler(e.HTTPErrorHandler)
//
// Panics if next is nil.
func ErrorHandler(next echo.HTTPErrorHandler) echo.HTTPErrorHandler {
	if next == nil {
		panic("middleware: ErrorHandler: pass the handler that writes the error pages, such as e.HTTPErrorHandler")
	}
	return func(err error, c echo.Context) {
		if c.Response().Committed {
			cache.ScopeOf(c.Request().Context()).Unstorable("the handler failed after it had begun to answer")
		}
		next(err, c)
	}
}
