package middleware

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/cache/live"
)

// NonceConfig configures [Nonce].
type NonceConfig struct {
	// Skipper leaves requests alone for which it returns true. Defaults to none.
	Skipper middleware.Skipper
	// Live are the holes of the application, to which the nonce is added.
	// Required.
	Live *live.Set
	// Policy is the value of Content-Security-Policy, with {nonce} for the nonce:
	// "script-src 'nonce-{nonce}' 'strict-dynamic'; base-uri 'none'". Required.
	Policy string
	// ReportOnly sends Content-Security-Policy-Report-Only instead.
	ReportOnly bool
	// Name is that of the hole. Defaults to "nonce".
	Name string
}

// Nonce gives every answer a Content-Security-Policy with a nonce of its own,
// which templates write as <script nonce="{{ live "nonce" }}">. Pages with it are
// kept: each visitor gets his own nonce, the same one in header and body. It must
// be made before templates are loaded and works inside and outside of a page cache.
//
// Panics if Live is nil, if Policy has no {nonce}, or if the name is taken.
func Nonce(cfg NonceConfig) echo.MiddlewareFunc {
	if cfg.Name == "" {
		cfg.Name = "nonce"
	}
	if cfg.Skipper == nil {
		cfg.Skipper = middleware.DefaultSkipper
	}
	field, err := cfg.field()
	if err != nil {
		panic("middleware: Nonce: " + err.Error())
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if cfg.Skipper(c) {
				return next(c)
			}
			r := c.Request()
			ctx, _ := cfg.Live.WithValues(r.Context())
			if err := field.Set(ctx, cfg.Live, c.Response().Header()); err != nil {
				return err
			}
			c.SetRequest(r.WithContext(ctx))
			return next(c)
		}
	}
}

// field registers the hole and returns the header field.
func (cfg NonceConfig) field() (f live.Field, err error) {
	if cfg.Live == nil {
		return f, fmt.Errorf("NonceConfig.Live is nil: pass the holes of the application")
	}
	// 130 bits, in letters and digits.
	newNonce := func(context.Context) (string, error) { return rand.Text(), nil }
	if err = cfg.Live.Live(cfg.Name, live.Token, newNonce); err != nil {
		return f, err
	}
	var parts []live.Part
	for i, text := range strings.Split(cfg.Policy, "{nonce}") {
		if i > 0 {
			parts = append(parts, live.Part{Hole: cfg.Name})
		}
		parts = append(parts, live.Part{Text: text})
	}
	if len(parts) < 2 {
		return f, fmt.Errorf("NonceConfig.Policy %q has no {nonce}: write it where the nonce goes", cfg.Policy)
	}
	name := "Content-Security-Policy"
	if cfg.ReportOnly {
		name += "-Report-Only"
	}
	return cfg.Live.NewField(http.CanonicalHeaderKey(name), parts...)
}
