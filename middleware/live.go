package middleware

import (
	"context"
	"errors"
	"html/template"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/cache/live"
)

// ErrNoEcho is a hole whose function wants an echo.Context where there is none:
// in a page cache around Echo, or in what is written without a [Renderer] on a
// route without [CachePage]. A page cache around Echo then lets the handler
// answer, which has one.
var ErrNoEcho = errors.New("middleware: no echo.Context here: write the hole's function for a context.Context, or cache by CachePage")

// Live makes the function of a hole of one that wants an echo.Context:
//
//	app.Live.Live("username", live.HTML, middleware.Live(func(c echo.Context) (string, error) {
//		return app.Sessions.GetString(c.Request().Context(), "name"), nil
//	}))
//
// Its request is the visitor's, with the cookies that handlers of cached pages do
// not see, and with the context of the hole: what is read from the session there
// makes no page private. It must not write to the response, but may set header
// fields and cookies. The echo.Context must not outlive the call.
func Live(fn func(c echo.Context) (string, error)) live.Func {
	return func(ctx context.Context) (v string, err error) {
		err = withEcho(ctx, func(c echo.Context) error {
			v, err = fn(c)
			return err
		})
		return v, err
	}
}

// LiveHTML is [Live] for a function that returns HTML.
func LiveHTML(fn func(c echo.Context) (template.HTML, error)) live.HTMLFunc {
	return func(ctx context.Context) (v template.HTML, err error) {
		err = withEcho(ctx, func(c echo.Context) error {
			v, err = fn(c)
			return err
		})
		return v, err
	}
}

// withEcho calls f with the visitor's request in its echo.Context.
func withEcho(ctx context.Context, f func(c echo.Context) error) error {
	c, ok := EchoContext(ctx)
	if !ok {
		return ErrNoEcho
	}
	before := c.Request()
	defer c.SetRequest(before)
	r := live.Request(ctx)
	if r == nil {
		r = before
	}
	c.SetRequest(r.WithContext(ctx))
	return f(c)
}
