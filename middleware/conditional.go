package middleware

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/pagecache"
)

// Conditional answers 304 or 412 where the conditions of a request and the
// validators that the handler set, ETag and Last-Modified, ask for it. The handler
// runs all the same: what is saved is the way of the body. CachePage does this by
// itself.
func Conditional() echo.MiddlewareFunc { return conditional(false) }

// ETag is Conditional for handlers that set no ETag: the answer gets one of its
// body. Answers that are streamed, or longer than 1 MiB, go out without.
func ETag() echo.MiddlewareFunc { return conditional(true) }

func conditional(tag bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			f := newFace(c, next)
			r := c.Request()
			defer f.restore(r)
			return cause(pagecache.Conditional(f, r, tag, f.run))
		}
	}
}

// LastModified sets Last-Modified to what modified returns, in whole seconds, and
// answers 304 or 412 without running the handler where that is enough. The zero
// time means that nobody knows. An error of modified is that of the route. Panics
// if modified is nil.
func LastModified(modified func(c echo.Context) (time.Time, error)) echo.MiddlewareFunc {
	if modified == nil {
		panic("middleware: LastModified: pass a function that returns the time of the last change")
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			at, err := modified(c)
			if err != nil || at.IsZero() {
				if err != nil {
					return err
				}
				return next(c)
			}
			text := at.UTC().Format(http.TimeFormat)
			c.Response().Header().Set(echo.HeaderLastModified, text)
			switch status := pagecache.Unmodified(c.Request(), text); status {
			case http.StatusOK:
				return next(c)
			default:
				return c.NoContent(status)
			}
		}
	}
}
