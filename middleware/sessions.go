package middleware

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/session"
)

// SessionsConfig configures [SessionsWithConfig].
type SessionsConfig struct {
	// Skipper leaves requests alone for which it returns true: touching the
	// session panics there. Defaults to none.
	Skipper middleware.Skipper
	// Manager has the sessions. Required.
	Manager *session.Manager
}

// Sessions gives every request its session, under c.Request().Context(). It is
// loaded when it is touched, and saved before the first byte of the answer goes
// out: by a body, a flush, a hijack, a redirect or an error page. An answer that
// did not touch it is left as it is; one that did becomes private and varies by
// Cookie. CachePage inside shares pages that read only keys of
// session.Config.Shareable among all visitors with the same values; who read
// them before CachePage, in a middleware around it, gets no cached page.
//
// What was put into the session is saved whatever comes of the request, also if
// the handler returns an error or panics. If the store fails, the client gets
// 503, by way of the app's HTTPErrorHandler where nothing has been sent, and
// neither a cookie nor anything that the handler had written.
//
// The order with Recover, Gzip, RequestID, Secure and the CSRF of Echo is free.
// [CSRF] and CachePage belong inside, nearer to the handler, in this order. Outside
// CachePage is as safe, but hides cookies: there pagecache.Config.SessionCookies has
// to name that of the session.
// echo.WrapMiddleware(manager.LoadAndSave) does not do: Echo writes its error
// pages after its middlewares have returned.
//
// Panics if manager is nil or would refuse every request.
func Sessions(manager *session.Manager) echo.MiddlewareFunc {
	return SessionsWithConfig(SessionsConfig{Manager: manager})
}

// SessionsWithConfig is [Sessions] with a config. Panics as Sessions does.
func SessionsWithConfig(cfg SessionsConfig) echo.MiddlewareFunc {
	if cfg.Manager == nil {
		panic("middleware: SessionsConfig.Manager is nil: pass what session.New returned")
	}
	if err := cfg.Manager.Check(); err != nil {
		panic("middleware: Sessions: " + err.Error())
	}
	if cfg.Skipper == nil {
		cfg.Skipper = middleware.DefaultSkipper
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if cfg.Skipper(c) {
				return next(c)
			}
			res, outer := c.Response(), c.Request()
			w, r := cfg.Manager.Open(res.Writer, outer)
			if w == nil {
				return next(c) // an outer Sessions has this manager already
			}
			defer func() { // what a form has left on the disk: net/http removes only that of outer
				if form := c.Request().MultipartForm; form != nil && outer.MultipartForm == nil {
					_ = form.RemoveAll()
				}
			}()
			w.ReportStatus(&res.Status)
			res.Writer = w
			c.SetRequest(r)
			return serveSession(c, w, next)
		}
	}
}

// serveSession runs the handler and saves the session. The writer stays in
// place afterwards, for the error handler.
func serveSession(c echo.Context, w *session.Writer, next echo.HandlerFunc) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		var failed *session.StoreError
		if cause, ok := p.(error); ok && errors.As(cause, &failed) {
			err = answerOutage(c, w, failed)
			return
		}
		settleLater(c, w)
		panic(p)
	}()
	err = next(c)
	var failed *session.StoreError
	switch {
	case err == nil:
		w.Finish()
		return nil
	case errors.As(err, &failed):
		return answerOutage(c, w, failed)
	case errors.Is(err, session.ErrSessionGone):
		err = echo.NewHTTPError(http.StatusConflict, "The session has ended meanwhile.").SetInternal(err)
	}
	settleLater(c, w)
	return err
}

// settleLater saves the session when Echo writes its error page, which need not
// go through w: Gzip takes its own writer, and w with it, out of the response
// when a handler failed.
func settleLater(c echo.Context, w *session.Writer) {
	res := c.Response()
	if res.Committed || w.Begun() {
		return
	}
	res.Before(func() { res.Writer = w.Settle(res.Writer, res.Status) })
}

// answerOutage has the app's error handler answer 503, or if that fails too,
// answers itself. What is on its way already stays incomplete.
func answerOutage(c echo.Context, w *session.Writer, failed *session.StoreError) (err error) {
	if c.Response().Committed || w.Begun() {
		return failed
	}
	w.Fail(failed)
	defer func() {
		if p := recover(); p != nil {
			var again *session.StoreError
			if cause, ok := p.(error); !ok || !errors.As(cause, &again) {
				panic(p)
			}
		}
		w.Finish()
	}()
	c.Error(echo.NewHTTPError(http.StatusServiceUnavailable, http.StatusText(http.StatusServiceUnavailable)).SetInternal(failed))
	return nil
}
