package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/middleware"
)

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	e := newEcho()
	e.Use(middleware.SameOriginWithConfig(middleware.SameOriginConfig{TrustedOrigins: []string{"https://partner.test"}}))
	e.Match([]string{"GET", "POST", "DELETE"}, "/", func(c echo.Context) error { return c.String(200, "done") })
	tests := map[string]struct {
		method string
		header map[string]string
		status int
	}{
		"form of the same site":               {"POST", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "https://site.test"}, 200},
		"typed into the address bar":          {"POST", map[string]string{"Sec-Fetch-Site": "none"}, 200},
		"no browser":                          {"POST", nil, 200},
		"form of another site":                {"POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"}, 403},
		"form of a subdomain":                 {"POST", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://x.site.test"}, 403},
		"delete from another site":            {"DELETE", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"link on another site":                {"GET", map[string]string{"Sec-Fetch-Site": "cross-site"}, 200},
		"old browser, same site":              {"POST", map[string]string{"Origin": "https://site.test"}, 200},
		"old browser, other site":             {"POST", map[string]string{"Origin": "https://evil.test"}, 403},
		"old browser, sandboxed frame":        {"POST", map[string]string{"Origin": "null"}, 403},
		"form of a trusted site":              {"POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://partner.test"}, 200},
		"form of what looks like the partner": {"POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://partner.test"}, 403},
	}
	for name, test := range tests {
		r := httptest.NewRequest(test.method, "https://site.test/", nil)
		for field, value := range test.header {
			r.Header.Set(field, value)
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code != test.status {
			t.Errorf("%s: status %d, want %d", name, w.Code, test.status)
		}
	}
}

func TestSameOriginConfig(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("an origin with a path is accepted")
		}
	}()
	middleware.SameOriginWithConfig(middleware.SameOriginConfig{TrustedOrigins: []string{"https://partner.test/forms"}})
}

func TestSameOriginSkipper(t *testing.T) {
	t.Parallel()
	e := newEcho()
	e.Use(middleware.SameOriginWithConfig(middleware.SameOriginConfig{
		Skipper: func(c echo.Context) bool { return c.Path() == "/webhook" },
	}))
	e.POST("/webhook", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	r := httptest.NewRequest(http.MethodPost, "/webhook", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	if w.Code != http.StatusNoContent {
		t.Errorf("status %d", w.Code)
	}
}
