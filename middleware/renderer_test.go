package middleware_test

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
)

const quoteTemplates = `{{define "box"}}{{if cache "box" "1h" .}}{{tag (printf "quote:%d" .)}}<q>{{quote}}</q>{{end}}{{end}}` +
	`{{define "home"}}<a href="{{url .}}">{{template "box" .}}</a>{{end}}` +
	`{{define "form"}}{{template "box" .}}{{if cache "form" "1h"}}{{csrf}}{{end}}{{end}}` +
	`{{define "broken"}}half {{if cache "b" "1h"}}{{index . 5}}{{end}}{{end}}`

// quoteSite has cached pages with cached fragments on them.
type quoteSite struct {
	echo   *echo.Echo
	cache  *cache.Cache
	text   atomic.Value
	pages  atomic.Int64 // handlers run
	bodies atomic.Int64 // fragments rendered
}

func newQuoteSite(t *testing.T) *quoteSite {
	t.Helper()
	store, err := memory.New(memory.Config{})
	noError(t, err)
	t.Cleanup(func() { store.Close() })
	return newQuoteSiteOn(t, cache.Config{Store: store})
}

// newQuoteSiteOn gives stores more time than a request has, since a test waits for
// what a busy machine does late.
func newQuoteSiteOn(t *testing.T, cfg cache.Config) *quoteSite {
	t.Helper()
	q := &quoteSite{echo: echo.New()}
	q.text.Store("first")
	var err error
	q.cache, err = cache.New(cfg)
	noError(t, err)
	t.Cleanup(func() { q.cache.Close() })
	frags, err := fragment.New(fragment.Config{Cache: q.cache, Salt: "test"})
	noError(t, err)
	bound := fragment.ContextFuncs{
		"csrf": func(ctx context.Context) string { cache.Private(ctx, "csrf"); return "token" },
		"url": func(ctx context.Context, id int) (string, error) {
			c, ok := middleware.EchoContext(ctx)
			if !ok {
				return "", errors.New("no echo.Context")
			}
			return c.Echo().Reverse("quote", id), nil
		},
	}
	set, err := template.New("").Funcs(fragment.Funcs(bound)).Funcs(template.FuncMap{
		"quote": func() string { q.bodies.Add(1); return q.text.Load().(string) },
	}).Parse(quoteTemplates)
	noError(t, err)
	q.echo.Renderer, err = middleware.NewRenderer(middleware.RendererConfig{Templates: []*template.Template{set}, Fragments: frags, ContextFuncs: bound})
	noError(t, err)
	pages, err := pagecache.New(pagecache.Config{Cache: q.cache, Development: true, StoreBudget: 5 * time.Second})
	noError(t, err)
	for _, name := range []string{"home", "form", "broken"} {
		q.echo.GET("/"+name, func(c echo.Context) error {
			q.pages.Add(1)
			return c.Render(http.StatusOK, name, 7)
		}, middleware.CachePage(pages, time.Hour))
	}
	q.echo.GET("/quotes/:id", func(c echo.Context) error { return c.Render(http.StatusOK, "box", 7) }).Name = "quote"
	return q
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (q *quoteSite) get(path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	q.echo.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func (q *quoteSite) expect(t *testing.T, path, body string, pages, bodies int64) {
	t.Helper()
	w := q.get(path)
	if w.Code != http.StatusOK || w.Body.String() != body {
		t.Fatalf("GET %s: got %d %q, want %q", path, w.Code, w.Body.String(), body)
	}
	if q.pages.Load() != pages || q.bodies.Load() != bodies {
		t.Fatalf("GET %s: %d handlers and %d fragments ran, want %d and %d", path, q.pages.Load(), q.bodies.Load(), pages, bodies)
	}
}

func TestTagsOfFragmentsPurgeThePage(t *testing.T) {
	t.Parallel()
	q := newQuoteSite(t)
	q.expect(t, "/quotes/7", `<q>first</q>`, 0, 1) // so that the page is made of a hit
	const first = `<a href="/quotes/7"><q>first</q></a>`
	q.expect(t, "/home", first, 1, 1)
	q.expect(t, "/home", first, 1, 1)

	q.text.Store("second")
	q.expect(t, "/home", first, 1, 1)
	noError(t, q.cache.Purge(t.Context(), "quote:8"))
	q.expect(t, "/home", first, 1, 1)
	noError(t, q.cache.Purge(t.Context(), "quote:7"))
	q.expect(t, "/home", `<a href="/quotes/7"><q>second</q></a>`, 2, 2)
	q.expect(t, "/home", `<a href="/quotes/7"><q>second</q></a>`, 2, 2)
}

func TestPrivateFragmentKeepsThePageOutOfTheCache(t *testing.T) {
	t.Parallel()
	q := newQuoteSite(t)
	for i := range int64(3) {
		q.expect(t, "/form", `<q>first</q>token`, i+1, 1)
	}
}

func TestFailingTemplateWritesNothing(t *testing.T) {
	t.Parallel()
	q := newQuoteSite(t)
	for range 2 {
		w := q.get("/broken")
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "half") {
			t.Fatalf("got %d %q", w.Code, w.Body.String())
		}
	}
	if q.pages.Load() != 2 {
		t.Errorf("the error was cached")
	}
}

func TestRendererRefusesMisuse(t *testing.T) {
	t.Parallel()
	set := template.Must(template.New("page.html").Funcs(fragment.Funcs()).Parse(`<a title="{{if cache "a" "1h"}}{{.}}{{end}}">`))
	_, err := middleware.NewRenderer(middleware.RendererConfig{Templates: []*template.Template{set}})
	var at *fragment.LoadError
	if !errors.As(err, &at) || !strings.HasPrefix(at.Location, "page.html:1:") {
		t.Fatalf("got %v", err)
	}
	r, err := middleware.NewRenderer(middleware.RendererConfig{})
	noError(t, err)
	if err = r.Load(set); err == nil {
		t.Error("Load accepted it")
	}
}

func TestEchoContextOutsideOfATemplate(t *testing.T) {
	t.Parallel()
	if c, ok := middleware.EchoContext(t.Context()); ok || c != nil {
		t.Errorf("got %v, %v", c, ok)
	}
}

func TestRendererReloadsFilesInDevelopment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(text string) { noError(t, os.WriteFile(filepath.Join(dir, "page.html"), []byte(text), 0o600)) }
	write(`<body>{{path}} one</body>`)
	q := newQuoteSite(t)
	r, err := middleware.NewRenderer(middleware.RendererConfig{
		Files: os.DirFS(dir), Reload: true, Parse: fragment.ParseConfig{Pages: []string{"*.html"}},
		ContextFuncs: fragment.ContextFuncs{"path": func(ctx context.Context) string {
			c, _ := middleware.EchoContext(ctx)
			return c.Path()
		}},
	})
	noError(t, err)
	q.echo.Renderer = r
	pages, err := pagecache.New(pagecache.Config{Cache: q.cache, Development: true})
	noError(t, err)
	q.echo.GET("/page", func(c echo.Context) error { return c.Render(http.StatusOK, "page.html", nil) }, middleware.CachePage(pages, time.Hour))
	q.expect(t, "/page", `<body>/page one</body>`, 0, 0)
	write(`<body>{{path}} two</body>`)
	q.expect(t, "/page", `<body>/page two</body>`, 0, 0)
	write(`<body>{{path}} three</body>{{`)
	if body := q.get("/page").Body.String(); !strings.Contains(body, "/page two") || !strings.Contains(body, "page.html:1") {
		t.Errorf("a broken file: got %s", body)
	}
}
