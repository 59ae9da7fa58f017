package middleware

import (
	"errors"
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/session"
)

// CSRFConfig configures [CSRFWithConfig].
type CSRFConfig struct {
	// Skipper lets requests pass unchecked for which it returns true: calls of an
	// API with its own credentials, for example. Defaults to none.
	Skipper middleware.Skipper
	// CSRF makes and checks the tokens. Required.
	CSRF *session.CSRF
	// Field is the name of the form's field. Defaults to "csrf_token".
	Field string
	// Header is read first, for scripts. Defaults to "X-CSRF-Token".
	Header string
}

// The defaults of CSRFConfig.
const (
	CSRFField  = "csrf_token"
	CSRFHeader = "X-CSRF-Token"
)

// CSRF refuses with 403 what could change something, all but GET, HEAD, OPTIONS and
// TRACE, if the form has no token of its visitor in the field "csrf_token", or the
// request none in X-CSRF-Token. A token in the URL does not count. Forms get theirs
// by csrf.Token(c.Request().Context()).
//
// It belongs inside [Sessions], or all that needs a token fails with 500, and
// outside of CachePage, whose handlers see no cookies but those that are declared.
// Gzip, Recover and [SameOrigin] may be on either side; BodyLimit belongs outside,
// since the form is read here. A page with a token is its visitor's alone; to cache
// it, make the token a hole: pages.Live("csrf", live.Token, csrf.Token). A request
// without a session costs nothing here until a token is asked for.
//
// If the session store fails, nothing passes: the answer is 503. Panics if csrf is
// nil.
func CSRF(csrf *session.CSRF) echo.MiddlewareFunc { return CSRFWithConfig(CSRFConfig{CSRF: csrf}) }

// CSRFWithConfig is [CSRF] with a config. Panics as CSRF does.
func CSRFWithConfig(cfg CSRFConfig) echo.MiddlewareFunc {
	if cfg.CSRF == nil {
		panic("middleware: CSRFConfig.CSRF is nil: pass what session.NewCSRF returned")
	}
	if cfg.Skipper == nil {
		cfg.Skipper = middleware.DefaultSkipper
	}
	if cfg.Field == "" {
		cfg.Field = CSRFField
	}
	if cfg.Header == "" {
		cfg.Header = CSRFHeader
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			res := c.Response()
			c.SetRequest(cfg.CSRF.Open(res, c.Request(), func() bool { return res.Committed }))
			if cfg.Skipper(c) {
				return next(c)
			}
			if err := cfg.check(c.Request()); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// check returns nil if the request may pass.
func (cfg CSRFConfig) check(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return nil
	}
	token := r.Header.Get(cfg.Header)
	if token == "" {
		var err error
		if token, err = postedField(r, cfg.Field); err != nil {
			return err
		}
	}
	err := cfg.CSRF.Verify(r.Context(), token)
	if errors.Is(err, session.ErrCSRF) {
		return echo.NewHTTPError(http.StatusForbidden, "The form is too old, or not from this site. Load its page again.").SetInternal(err)
	}
	return err
}

// formMemory is how much of a multipart form is kept in memory, as in net/http.
const formMemory = 32 << 20

// postedField returns a field of the body's form.
func postedField(r *http.Request, name string) (string, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var err error
	switch kind {
	case "application/x-www-form-urlencoded":
		err = r.ParseForm()
	case "multipart/form-data":
		err = r.ParseMultipartForm(formMemory)
	default:
		return "", nil
	}
	var answer *echo.HTTPError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &answer): // BodyLimit
		return "", answer
	case errors.As(err, &tooLarge):
		return "", echo.NewHTTPError(http.StatusRequestEntityTooLarge).SetInternal(err)
	case err != nil:
		return "", echo.NewHTTPError(http.StatusBadRequest, "The form cannot be read.").SetInternal(err)
	}
	if r.MultipartForm != nil && len(r.MultipartForm.Value[name]) > 0 {
		return r.MultipartForm.Value[name][0], nil
	}
	return r.PostForm.Get(name), nil
}
