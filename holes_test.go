package echoic_test

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/middleware"
)

// holesSite is docs/holes.md: one cached page with name, cart, messages, CSRF token
// and nonce.
type holesSite struct {
	*echo.Echo
	runs atomic.Int64
}

func newHolesSite(t *testing.T, app *echoic.App) *holesSite {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s := &holesSite{Echo: echo.New()}
	csrf, err := app.CSRF()
	must(err)
	must(app.Live.Live("csrf", live.Token, csrf.Token))
	must(app.Live.LiveHTML("account", func(ctx context.Context) (template.HTML, error) {
		name := app.Sessions.GetString(ctx, "name")
		if name == "" {
			return `<a href="/login">Sign in</a>`, nil
		}
		return template.HTML(`<a href="/account">` + template.HTMLEscapeString(name) + `</a>`), nil
	}))
	must(app.Live.Live("cart", live.HTML, middleware.Live(func(c echo.Context) (string, error) {
		return strconv.Itoa(app.Sessions.GetInt(c.Request().Context(), "cart")), nil
	})))
	must(app.Live.LiveHTML("flash", func(ctx context.Context) (template.HTML, error) {
		var b strings.Builder
		for _, f := range app.Sessions.Flashes(ctx) {
			fmt.Fprintf(&b, `<p class="flash">%s</p>`, template.HTMLEscapeString(f.Text))
		}
		return template.HTML(b.String()), nil
	}))
	nonce := middleware.Nonce(middleware.NonceConfig{Live: app.Live, Policy: "script-src 'nonce-{nonce}'"})
	s.Renderer, err = middleware.NewRenderer(middleware.RendererConfig{Fragments: app.Fragments, Templates: []*template.Template{
		template.Must(template.New("").Funcs(fragment.Funcs()).Parse(`{{define "page"}}{{if cache "head" "1h"}}{{live "flash"}}{{live "account"}} cart {{live "cart"}}{{end}}` +
			`<form><input name="csrf_token" value="{{live "csrf"}}"></form><script nonce="{{live "nonce"}}"></script>{{end}}`)),
	}})
	must(err)
	s.Use(middleware.Sessions(app.Sessions), middleware.CSRF(csrf), nonce)
	s.GET("/", func(c echo.Context) error {
		s.runs.Add(1)
		return c.Render(http.StatusOK, "page", nil)
	}, middleware.CachePage(app.Pages, time.Hour))
	s.POST("/add", func(c echo.Context) error {
		ctx := c.Request().Context()
		app.Sessions.Put(ctx, "name", c.FormValue("name"))
		app.Sessions.Put(ctx, "cart", app.Sessions.GetInt(ctx, "cart")+1)
		app.Sessions.AddFlash(ctx, "notice", "added <1>")
		return c.NoContent(http.StatusNoContent)
	})
	return s
}

// shopper keeps cookies and the token of the last form.
type shopper struct {
	site    *holesSite
	cookies map[string]*http.Cookie
	token   string
}

func (s *shopper) do(r *http.Request) *httptest.ResponseRecorder {
	for _, c := range s.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.site.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		s.cookies[c.Name] = c
	}
	return w
}

func (s *shopper) add(name, token string) int {
	form := url.Values{"name": {name}, "csrf_token": {token}}
	r := httptest.NewRequest(http.MethodPost, "https://shop.test/add", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(r).Code
}

var holesPage = regexp.MustCompile(`^(.*)<form><input name="csrf_token" value="([A-Za-z0-9_-]+)"></form><script nonce="([A-Z0-9]+)"></script>$`)

// see wants the part of the page that is the visitor's.
func (s *shopper) see(t *testing.T, want string) (nonce string) {
	t.Helper()
	w := s.do(httptest.NewRequest(http.MethodGet, "https://shop.test/", nil))
	m := holesPage.FindStringSubmatch(w.Body.String())
	if m == nil || m[1] != want || w.Header().Get("Content-Security-Policy") != "script-src 'nonce-"+m[3]+"'" || w.Header().Get("Cache-Control") != "private, no-store" {
		t.Fatalf("got %d %q %q, want %q", w.Code, w.Header(), w.Body, want)
	}
	s.token = m[2]
	return m[3]
}

func TestHolesOfTheGuide(t *testing.T) {
	t.Parallel()
	cfg := echoic.DefaultConfig()
	cfg.SessionDatabase = t.TempDir() + "/sessions.db"
	cfg.CacheStoreBudget = 10 * time.Second // a slow machine decides nothing here
	site := newHolesSite(t, open(t, cfg))
	guest, ann, bob := &shopper{site, map[string]*http.Cookie{}, ""}, &shopper{site, map[string]*http.Cookie{}, ""}, &shopper{site, map[string]*http.Cookie{}, ""}
	const nobody = `<a href="/login">Sign in</a> cart 0`
	guest.see(t, nobody) // sets the cookie of his token, and is not kept for that
	nonces := map[string]bool{guest.see(t, nobody): true, ann.see(t, nobody): true, bob.see(t, nobody): true}
	if code := ann.add("ann", bob.token); code != http.StatusForbidden {
		t.Errorf("ann with bob's token: %d", code)
	}
	for i, s := range []*shopper{ann, bob, bob} {
		name := []string{"ann", "<bob>", "<bob>"}[i]
		if code := s.add(name, s.token); code != http.StatusNoContent {
			t.Fatalf("%s: %d", name, code)
		}
	}
	const flash = `<p class="flash">added &lt;1&gt;</p>`
	nonces[ann.see(t, flash+`<a href="/account">ann</a> cart 1`)] = true
	nonces[guest.see(t, nobody)] = true
	nonces[bob.see(t, flash+flash+`<a href="/account">&lt;bob&gt;</a> cart 2`)] = true
	nonces[ann.see(t, `<a href="/account">ann</a> cart 1`)] = true // the message is gone
	nonces[bob.see(t, `<a href="/account">&lt;bob&gt;</a> cart 2`)] = true
	if len(nonces) != 8 || site.runs.Load() != 2 {
		t.Errorf("%d nonces in 8 answers, %d runs of the handler", len(nonces), site.runs.Load())
	}
}
