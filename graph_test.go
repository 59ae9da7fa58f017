package echoic_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic"
	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/middleware"
)

// runs counts what was made, by name.
type runs struct {
	mu sync.Mutex
	m  map[string]int
}

func (r *runs) add(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.m[name]++
}

// take returns the counts since the last call.
func (r *runs) take() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.m
	r.m = map[string]int{}
	return m
}

// graphSite has a page for each author, which holds a fragment, which holds a value
// that carries the author's tag.
func graphSite(app *echoic.App, made *runs) http.Handler {
	e := echo.New()
	e.GET("/:author", func(c echo.Context) error {
		author, ctx := c.Param("author"), c.Request().Context()
		made.add("page " + author)
		c.Response().Header().Set(echo.HeaderContentType, echo.MIMETextHTMLCharsetUTF8)
		return app.Fragments.Cached(ctx, c.Response(), "card", time.Hour, []any{author}, func(ctx context.Context, w io.Writer) error {
			made.add("fragment " + author)
			name, err := cache.Of[string](app.Cache).GetOrSet(ctx, "name:"+author, func(context.Context) (string, error) {
				made.add("value " + author)
				return "Mr " + author, nil
			}, cache.TTL(time.Hour), cache.WithTags("author:"+author))
			if err == nil {
				_, err = fmt.Fprintf(w, "<p>%s</p>", name)
			}
			return err
		})
	}, middleware.CachePage(app.Pages, time.Hour))
	return e
}

// Purging a tag empties the values, fragments and pages that used it, on all
// servers, although page and fragment never named it; and nothing else.
func TestPurgeFollowsTheGraph(t *testing.T) {
	t.Parallel()
	forEachShared(t, func(t *testing.T, cfg echoic.Config) {
		made := &runs{m: map[string]int{}}
		a, b := open(t, cfg), open(t, cfg)
		holds(t, a)
		holds(t, b)
		sites := []http.Handler{graphSite(a, made), graphSite(b, made)}
		ask := func(site http.Handler, author string) {
			w := httptest.NewRecorder()
			site.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://a.test/"+author, nil))
			if want := "<p>Mr " + author + "</p>"; w.Body.String() != want {
				t.Fatalf("got %q, want %q", w.Body, want)
			}
		}
		askAll := func() {
			for _, site := range sites {
				ask(site, "x")
				ask(site, "y")
			}
		}
		// Until nothing is made any more: a fill can be refused that meets the start of a server.
		testenv.Eventually(t, 10*time.Second, func() bool {
			askAll()
			return len(made.take()) == 0
		}, "both servers serve what was made once")
		for round := range 10 {
			purger := []*echoic.App{a, b}[round%2]
			if err := purger.Cache.Purge(t.Context(), "author:x"); err != nil {
				t.Fatal(err)
			}
			var total map[string]int
			testenv.Eventually(t, 5*time.Second, func() bool {
				askAll()
				if total == nil {
					total = map[string]int{}
				}
				for name, n := range made.take() {
					total[name] += n
				}
				return total["page x"] > 0 && total["fragment x"] > 0 && total["value x"] > 0
			}, "all three are made anew")
			for name := range total {
				if name[len(name)-1] != 'x' {
					t.Errorf("purging author:x made %s anew", name)
				}
			}
			testenv.Eventually(t, 10*time.Second, func() bool {
				askAll()
				return len(made.take()) == 0
			}, "and both serve it again")
		}
	})
}
