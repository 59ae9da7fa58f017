package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/middleware"
	"github.com/echoic-go/echoic/pagecache"
)

// failingSite has a cached page whose holes fail in every way, as often as a test
// wants. The visitor's name is in X-User.
type failingSite struct {
	*echo.Echo
	runs     atomic.Int64
	failures atomic.Int64 // to come
	how      string
}

func newFailingSite(t *testing.T, how string) *failingSite {
	t.Helper()
	s := &failingSite{how: how, Echo: newEcho()}
	timeout := time.Minute
	if how == "time-out" {
		timeout = time.Second
	}
	set, err := live.New(live.Config{Timeout: timeout})
	noError(t, err)
	noError(t, errors.Join(
		set.Live("name", live.HTML, middleware.Live(s.name)),
		set.Live("token", live.Token, s.token),
	))
	store, err := memory.New(memory.Config{})
	noError(t, err)
	c, err := cache.New(cache.Config{Store: store})
	noError(t, err)
	t.Cleanup(func() { c.Close(); store.Close() })
	frags, err := fragment.New(fragment.Config{Cache: c, Live: set, Salt: "test"})
	noError(t, err)
	pages, err := pagecache.New(pagecache.Config{Cache: c, Live: set, StoreBudget: time.Minute})
	noError(t, err)
	t.Cleanup(func() { pages.Close() })
	s.Renderer, err = middleware.NewRenderer(middleware.RendererConfig{Fragments: frags, Templates: []*template.Template{
		template.Must(template.New("").Funcs(fragment.Funcs()).Parse(
			`{{define "page"}}<h1>{{.}}</h1>{{if cache "head" "1h"}}<b>{{live "name"}}</b>{{end}}<i title="{{live "token"}}">{{live "name"}}</i>{{end}}`)),
	}})
	noError(t, err)
	s.GET("/", func(c echo.Context) error {
		return c.Render(http.StatusOK, "page", fmt.Sprint("run ", s.runs.Add(1)))
	}, middleware.CachePage(pages, time.Hour))
	return s
}

func (s *failingSite) fails() bool { return s.failures.Add(-1) >= 0 }

func (s *failingSite) name(c echo.Context) (string, error) {
	if s.how != "no token" && s.fails() {
		switch s.how {
		case "error":
			return "somebody", errors.New("no name")
		case "panic":
			panic("no name")
		case "time-out":
			<-c.Request().Context().Done()
			return "somebody", nil
		}
	}
	return c.Request().Header.Get("X-User"), nil
}

func (s *failingSite) token(ctx context.Context) (string, error) {
	if s.how == "no token" && s.fails() {
		return `"><script>`, nil
	}
	return live.Request(ctx).Header.Get("X-User"), nil
}

// want asks as a visitor and wants his page, made in the given run of the handler.
func (s *failingSite) want(t *testing.T, who string, run int) {
	t.Helper()
	res := get(s.Echo, "/", "X-User", who)
	want := fmt.Sprintf(`<h1>run %d</h1><b>%s</b><i title="%s">%s</i>`, run, who, who, who)
	if got := text(t, res); res.StatusCode != http.StatusOK || got != want || res.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("%s got %d, %q, %q, want %q", who, res.StatusCode, res.Header["Cache-Control"], got, want)
	}
}

func TestAHoleThatFailsOnAHit(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"error", "panic", "time-out", "no token"} {
		t.Run(how+" once", func(t *testing.T) {
			t.Parallel()
			s := newFailingSite(t, how)
			s.want(t, "ann", 1)
			s.want(t, "bob", 1)
			s.failures.Store(1)
			s.want(t, "robert", 2) // the handler answers, and asks again
			s.want(t, "bob", 1)    // what was kept is still there
		})
		t.Run(how+" always", func(t *testing.T) {
			t.Parallel()
			s := newFailingSite(t, how)
			s.want(t, "ann", 1)
			s.failures.Store(1 << 40)
			res := get(s.Echo, "/", "X-User", "bob")
			if got := text(t, res); res.StatusCode != http.StatusInternalServerError || strings.Contains(got, "<h1>") || strings.Contains(got, "no name") || strings.Contains(got, "somebody") {
				t.Errorf("got %d %q, want a clean failure", res.StatusCode, got)
			}
			if n := s.runs.Load(); n != 2 {
				t.Errorf("the handler ran %d times", n)
			}
			s.failures.Store(0)
			s.want(t, "robert", 1)
		})
		t.Run(how+" on a miss", func(t *testing.T) {
			t.Parallel()
			s := newFailingSite(t, how)
			s.failures.Store(1)
			if res := get(s.Echo, "/", "X-User", "ann"); res.StatusCode != http.StatusInternalServerError {
				t.Errorf("got %d %q", res.StatusCode, text(t, res))
			}
			s.want(t, "bob", 2)
			s.want(t, "ann", 2)
		})
	}
}
