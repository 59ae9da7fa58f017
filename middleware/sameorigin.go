package middleware

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// SameOriginConfig configures [SameOriginWithConfig].
type SameOriginConfig struct {
	// Skipper leaves requests alone for which it returns true. Defaults to
	// none.
	Skipper middleware.Skipper
	// TrustedOrigins may send forms too: "https://partner.example".
	TrustedOrigins []string
}

// SameOrigin refuses requests with 403 that a browser sends from another site
// and that could change something: all but GET, HEAD and OPTIONS. It needs no
// token in forms and no cookie, as browsers say themselves where a request comes
// from (Sec-Fetch-Site, before 2023 Origin); see http.CrossOriginProtection.
// Requests with neither header do not come from a browser and pass.
//
// Pages that are asked for with GET must not change anything.
func SameOrigin() echo.MiddlewareFunc { return SameOriginWithConfig(SameOriginConfig{}) }

// SameOriginWithConfig is [SameOrigin] with a config. Panics if one of the
// TrustedOrigins is not of the form scheme://host[:port].
func SameOriginWithConfig(cfg SameOriginConfig) echo.MiddlewareFunc {
	if cfg.Skipper == nil {
		cfg.Skipper = middleware.DefaultSkipper
	}
	protection := http.NewCrossOriginProtection()
	for _, origin := range cfg.TrustedOrigins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			panic("middleware: SameOriginConfig.TrustedOrigins: " + err.Error())
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if cfg.Skipper(c) {
				return next(c)
			}
			if err := protection.Check(c.Request()); err != nil {
				return echo.NewHTTPError(http.StatusForbidden, "The request came from another site.").SetInternal(err)
			}
			return next(c)
		}
	}
}
