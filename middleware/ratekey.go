package middleware

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/ratelimit"
	"github.com/echoic-go/echoic/session"
)

// RateKey says whose limit a request counts for; empty: nobody's. It has to be the
// same for all that is meant to be limited together, and must not be something
// that a client can choose freely, as a header is.
type RateKey func(c echo.Context) string

// ByAddress is the client's address, of IPv6 the /64. X-Forwarded-For is believed
// only from peers in the networks; c.RealIP, which would believe anybody, is not
// asked. See ratelimit.Address.
func ByAddress(proxies ...netip.Prefix) RateKey {
	return func(c echo.Context) string { return "address " + ratelimit.Address(c.Request(), proxies) }
}

// ByUser is who is logged in; guests have no key. It reads the session, which
// makes an answer private, so it belongs inside Sessions and not on cached pages.
// Panics if manager is nil.
func ByUser(manager *session.Manager) RateKey {
	if manager == nil {
		panic("middleware: ByUser: manager is nil: pass what session.New returned")
	}
	return func(c echo.Context) string {
		if id := manager.UserID(c.Request().Context()); id != "" {
			return "user " + id
		}
		return ""
	}
}

// ByRoute is the method and the template of the route, as "GET /quotes/:id".
func ByRoute() RateKey {
	return func(c echo.Context) string { return "route " + c.Request().Method + " " + c.Path() }
}

// ByForm is a field of the form, without regard to case and surrounding space: the
// name at a login. Without the field there is no key. It reads the body, whose size
// something outside has to limit.
func ByForm(name string) RateKey {
	return func(c echo.Context) string {
		if value := strings.ToLower(strings.TrimSpace(c.FormValue(name))); value != "" {
			return "form " + value
		}
		return ""
	}
}

// AllOf is the keys together: a limit for each address at each route, for
// example. If one of them is empty, so is this.
func AllOf(keys ...RateKey) RateKey {
	return func(c echo.Context) string {
		var all strings.Builder
		for _, key := range keys {
			part := key(c)
			if part == "" {
				return ""
			}
			all.WriteString(strconv.Itoa(len(part)) + " " + part)
		}
		return all.String()
	}
}

// FirstOf is the first key that is not empty: the user or, for guests, the address.
func FirstOf(keys ...RateKey) RateKey {
	return func(c echo.Context) string {
		for _, key := range keys {
			if part := key(c); part != "" {
				return part
			}
		}
		return ""
	}
}
