package middleware_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"html/template"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
	"github.com/echoic-go/echoic/session"
	sessionmemory "github.com/echoic-go/echoic/session/memory"
)

// liveSite has a cached page with the visitor's name, from his session, in a
// cached fragment, and a policy with a nonce.
type liveSite struct {
	handler http.Handler
	runs    atomic.Int64
}

// newLiveSite caches in a decorator, or, if around, in front of Echo.
func newLiveSite(t *testing.T, around bool) *liveSite {
	t.Helper()
	store, err := memory.New(memory.Config{})
	noError(t, err)
	c, err := cache.New(cache.Config{Store: store})
	noError(t, err)
	t.Cleanup(func() { c.Close(); store.Close() })
	kept := sessionmemory.New(sessionmemory.Config{})
	t.Cleanup(func() { kept.Close() })
	sessions, err := session.New(session.Config{Store: kept, StoreBudget: time.Minute})
	noError(t, err)
	set, err := live.New(live.Config{Timeout: time.Minute})
	noError(t, err)
	name := live.Func(func(ctx context.Context) (string, error) { return sessions.GetString(ctx, "name"), nil })
	if !around {
		name = middleware.Live(func(c echo.Context) (string, error) {
			return sessions.GetString(c.Request().Context(), "name"), nil
		})
	}
	noError(t, set.Live("username", live.HTML, name))
	frags, err := fragment.New(fragment.Config{Cache: c, Live: set, Salt: "test"})
	noError(t, err)
	pages, err := pagecache.New(pagecache.Config{Cache: c, Live: set, SessionCookies: []string{"session"}, StoreBudget: time.Minute})
	noError(t, err)
	t.Cleanup(func() { pages.Close() })

	s := &liveSite{}
	e := echo.New()
	nonce := middleware.Nonce(middleware.NonceConfig{Live: set, Policy: "script-src 'nonce-{nonce}'"})
	e.Renderer, err = middleware.NewRenderer(middleware.RendererConfig{Fragments: frags, Templates: []*template.Template{
		template.Must(template.New("").Funcs(fragment.Funcs()).Parse(`{{define "page"}}<p>{{.}}</p>` +
			`{{if cache "head" "1h"}}<header>{{live "username"}}</header>{{end}}<script nonce="{{live "nonce"}}"></script>` +
			strings.Repeat("lorem ipsum ", 200) + `{{end}}`)),
	}})
	noError(t, err)
	if !around { // what Gzip made inside of a cache has no holes that anybody knows
		e.Use(echomw.Gzip())
	}
	e.Use(middleware.Sessions(sessions), nonce)
	var cached []echo.MiddlewareFunc
	if !around {
		cached = append(cached, middleware.CachePage(pages, time.Hour))
	}
	e.GET("/page/:n", func(c echo.Context) error {
		s.runs.Add(1)
		return c.Render(http.StatusOK, "page", c.Param("n"))
	}, cached...)
	e.GET("/bare", func(c echo.Context) error { return c.Render(http.StatusOK, "page", "bare") })
	e.POST("/login", func(c echo.Context) error {
		sessions.Put(c.Request().Context(), "name", c.QueryParam("name"))
		return c.NoContent(http.StatusNoContent)
	})
	s.handler = e
	if around {
		s.handler = sessions.LoadAndSave(pages.Handler(e))
	}
	return s
}

func (s *liveSite) do(method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Result()
}

func (s *liveSite) login(t *testing.T, name string) (cookie string) {
	t.Helper()
	for _, c := range s.do(http.MethodPost, "/login?name="+name).Cookies() {
		if c.Name == "session" {
			return c.Name + "=" + c.Value
		}
	}
	t.Fatal("no session cookie")
	return ""
}

// check looks at one answer: the right name, once, and a nonce of its own.
func (s *liveSite) check(path, cookie, name string, zipped bool) error {
	header := []string{"Cookie", cookie}
	if zipped {
		header = append(header, "Accept-Encoding", "gzip")
	}
	res := s.do(http.MethodGet, path, header...)
	var body io.Reader = res.Body
	if zipped {
		unzipped, err := gzip.NewReader(res.Body)
		if err != nil {
			return err
		}
		body = unzipped
	}
	text, err := io.ReadAll(body)
	nonce := strings.TrimSuffix(strings.TrimPrefix(res.Header.Get("Content-Security-Policy"), "script-src 'nonce-"), "'")
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK, !strings.Contains(string(text), "<header>"+name+"</header><script nonce=\""+nonce+"\">"), nonce == "":
		return fmt.Errorf("%s: %s got %d, policy %q, %.90q", path, name, res.StatusCode, res.Header["Content-Security-Policy"], text)
	case res.Header.Get("Cache-Control") != "private, no-store" || res.Header.Get("Etag") != "" || res.Header.Get("Last-Modified") != "":
		return fmt.Errorf("%s: header %q", path, res.Header)
	}
	return nil
}

func TestFiftyUsersShareThePagesThatNameThem(t *testing.T) {
	t.Parallel()
	for _, around := range []bool{false, true} {
		t.Run(fmt.Sprint("around ", around), func(t *testing.T) {
			t.Parallel()
			s := newLiveSite(t, around)
			const users, requests, pages = 50, 1000, 5
			cookies := make([]string, users)
			for i := range cookies {
				cookies[i] = s.login(t, fmt.Sprintf("user%d", i))
			}
			var wg sync.WaitGroup
			for worker := range 10 {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(1, uint64(worker)))
					for range requests / 10 {
						i := rnd.IntN(users)
						path := fmt.Sprintf("/page/%d", rnd.IntN(pages))
						if err := s.check(path, cookies[i], fmt.Sprintf("user%d", i), !around && rnd.IntN(2) == 0); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if runs := s.runs.Load(); runs >= requests/100 { // hits over 99 %
				t.Errorf("the handler ran %d times for %d requests", runs, requests)
			}
			if err := s.check("/bare", cookies[7], "user7", false); err != nil {
				t.Error(err)
			}
		})
	}
}
