package middleware

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/session"
)

// NextParameter is the query parameter in which [RequireLogin] hands the page
// that was asked for to the login page, and [Next] reads it.
const NextParameter = "next"

// RequireLogin lets only logged-in users pass. Others are sent to loginURL, a
// path of the same site, with 303; a GET or HEAD with the page that they asked
// for in the query parameter "next". If the session store fails, nobody passes:
// the answer is 503.
//
// It belongs inside [Sessions]; without it every request fails. Panics if
// manager is nil or loginURL is not a path such as "/login".
func RequireLogin(manager *session.Manager, loginURL string) echo.MiddlewareFunc {
	if manager == nil {
		panic("middleware: RequireLogin: manager is nil: pass what session.New returned")
	}
	if !localURL(loginURL) {
		panic("middleware: RequireLogin: loginURL is no path of this site: give one such as /login")
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if manager.UserID(c.Request().Context()) != "" {
				return next(c)
			}
			return c.Redirect(http.StatusSeeOther, loginWith(loginURL, c.Request()))
		}
	}
}

// loginWith returns loginURL with what has to come after the login. A form that
// was posted cannot be asked for again.
func loginWith(loginURL string, r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return loginURL
	}
	wanted := r.URL.RequestURI()
	u, err := url.Parse(loginURL)
	if err != nil || !localURL(wanted) {
		return loginURL
	}
	query := u.Query()
	query.Set(NextParameter, wanted)
	u.RawQuery = query.Encode()
	return u.String()
}

// Next returns the page that has to come after a login: the form value or query
// parameter "next", if it is a path of this site, else fallback. What leads to
// another site is never returned.
func Next(c echo.Context, fallback string) string {
	if next := c.FormValue(NextParameter); localURL(next) {
		return next
	}
	return fallback
}

// localURL reports whether every browser takes target for a path of the same
// site: "//evil" and "/\evil" name another one, and browsers drop tabs and line
// breaks before they look.
func localURL(target string) bool {
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || len(target) > 2048 {
		return false
	}
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c == '\\' || c == 0x7f {
			return false
		}
	}
	u, err := url.Parse(target)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil
}
