package site

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/middleware"
)

// Forms of pages that belong to one visitor have a token besides the check of the
// origin. The button under a quotation is on pages that are kept for everybody and
// has none.

// openForms gets the tokens. Without SECRET_KEY in production there are none.
func (s *Site) openForms() error {
	csrf, err := s.app.CSRF()
	var missing *echoic.ConfigError
	if errors.As(err, &missing) {
		s.log.Warn("site: forms are guarded by the check of the origin alone", "error", err)
		return nil
	}
	s.csrf = csrf
	return err
}

// tokens refuses forms without one.
func (s *Site) tokens() echo.MiddlewareFunc {
	if s.csrf == nil {
		return func(next echo.HandlerFunc) echo.HandlerFunc { return next }
	}
	return middleware.CSRFWithConfig(middleware.CSRFConfig{CSRF: s.csrf, Skipper: func(c echo.Context) bool {
		r := c.Request()
		return strings.HasPrefix(c.Path(), consolePath) || // which has tokens of its own
			r.Method == http.MethodPost && (c.Path() == favouritesPath || fromProgram(r))
	}})
}

// fromProgram reports whether a request does not come from a page in a browser,
// which sends one of these: nobody else can make a program send its cookies.
func fromProgram(r *http.Request) bool {
	return r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Referer") == ""
}

// formToken is the field that a form has to have. Pages with one are private.
func (s *Site) formToken(ctx context.Context) (template.HTML, error) {
	if s.csrf == nil {
		return "", nil
	}
	token, err := s.csrf.Token(ctx)
	return template.HTML(`<input type="hidden" name="` + middleware.CSRFField + `" value="` + token + `">`), err //nolint:gosec // of A-Z a-z 0-9 - _
}
