package echoic_test

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/session"
)

// A page that is filled while a fragment that depends on the reader's locale is
// found, and that reads nothing of the session itself, is never served to a reader
// with another locale; all with the same share it.
func TestPageOfAFoundFragmentKeepsItsLocale(t *testing.T) {
	t.Parallel()
	forEachMode(t, func(t *testing.T, cfg echoic.Config) {
		cfg.Sessions = func(c *session.Config) { c.Shareable = []string{"locale"} }
		app := open(t, cfg)
		var greetings, pages atomic.Int64
		site := &quotesSite{Echo: echo.New()}
		site.Use(middleware.Sessions(app.Sessions))
		site.GET("/locale/:name", func(c echo.Context) error {
			app.Sessions.Put(c.Request().Context(), "locale", c.Param("name"))
			return c.NoContent(204)
		})
		site.GET("/page/:name", func(c echo.Context) error {
			pages.Add(1)
			c.Response().Header().Set(echo.HeaderContentType, echo.MIMETextHTMLCharsetUTF8)
			return app.Fragments.Cached(c.Request().Context(), c.Response(), "greeting", time.Hour, nil, func(ctx context.Context, w io.Writer) error {
				greetings.Add(1)
				_, err := io.WriteString(w, "<p>locale="+app.Sessions.GetString(ctx, "locale")+"</p>")
				return err
			})
		}, middleware.CachePage(app.Pages, time.Hour))

		visitors := map[string]*visitor{"": {site: site}}
		for _, locale := range []string{"de", "en", "fr"} {
			visitors[locale] = &visitor{site: site}
			visitors[locale].do(t, "GET", "/locale/"+locale)
			visitors[locale].do(t, "GET", "/page/first") // makes the fragment
		}
		made := greetings.Load()
		for _, page := range []string{"second", "third", "second", "third"} { // filled by a hit of the fragment
			for locale, v := range visitors {
				res, body := v.do(t, "GET", "/page/"+page)
				if body != "<p>locale="+locale+"</p>" {
					t.Fatalf("a reader with locale %q got %q of page %s (%s)", locale, body, page, res.Header.Get("Cache-Status"))
				}
				if control := res.Header.Get("Cache-Control"); locale != "" && !strings.Contains(control, "private") {
					t.Errorf("others may keep the page for %q: %s", locale, control)
				}
			}
		}
		if n := greetings.Load() - made; n > 1 { // of the reader without a session
			t.Errorf("the fragment was made %d more times: the pages were not filled by hits", n)
		}
		if n := pages.Load(); n > 3+2*4 {
			t.Errorf("the pages were made %d times: readers with one locale do not share them", n)
		}
	})
}
