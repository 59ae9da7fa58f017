package templfragment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/fragment/templfragment"
	"github.com/echoic-go/echoic/fragment/templfragment/internal/pages"
	"github.com/echoic-go/echoic/pagecache"
)

type visitorKey struct{}

func seenBy(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, visitorKey{}, name)
}

// liveSite has the holes name (HTML), token and nonce (tokens), and bold (HTML as
// it is), all of them the visitor's name.
func liveSite(t testing.TB) (*fragment.Fragments, *cache.Cache, *live.Set) {
	t.Helper()
	store, err := memory.New(memory.Config{})
	must(t, err)
	c, err := cache.New(cache.Config{Store: store})
	must(t, err)
	t.Cleanup(func() { c.Close(); store.Close() })
	set, err := live.New(live.Config{Timeout: time.Minute})
	must(t, err)
	name := func(ctx context.Context) (string, error) {
		who, _ := ctx.Value(visitorKey{}).(string)
		if r := live.Request(ctx); r != nil {
			who = r.Header.Get("X-User")
		}
		if who == "fails" {
			return "", errors.New("no name")
		}
		return who, nil
	}
	must(t, errors.Join(
		set.Live("name", live.HTML, name), set.Live("token", live.Token, name), set.Live("nonce", live.Token, name),
		set.LiveHTML("bold", func(context.Context) (template.HTML, error) { return `"><b>`, nil }),
	))
	f, err := fragment.New(fragment.Config{Cache: c, Salt: "test", Live: set})
	must(t, err)
	return f, c, set
}

// recorded renders a page as under a page cache, and returns it with what would be
// kept of it.
func recorded(t *testing.T, set *live.Set, who string, c templ.Component) (page, kept string, deps cache.Deps) {
	t.Helper()
	ctx, scope := cache.Open(seenBy(t.Context(), who))
	ctx, rec := set.Record(ctx, false)
	page = show(t, templfragment.WithNonce(ctx, "nonce"), c)
	text, ok := rec.Text([]byte(page))
	if !ok && scope.Deps().Private == "" {
		t.Fatalf("nobody knows where the holes are: %s", page)
	}
	return page, string(text.Bytes), scope.Deps()
}

func TestHolesAreFilledForEachVisitor(t *testing.T) {
	t.Parallel()
	f, _, set := liveSite(t)
	runs := 0
	page := func() templ.Component {
		return templfragment.Page(f, pages.Greeting(f, func() string { runs++; return "made" }))
	}
	var first, firstKept string
	for i, who := range []string{"ann", "robert", "yo"} {
		got, kept, deps := recorded(t, set, who, page())
		equal(t, "private", deps.Private, "")
		equal(t, "values in what is kept", strings.Contains(kept, who+"<") || strings.Contains(kept, "hole"), false)
		equal(t, "in the page: "+got, strings.Count(got, who), 9)
		equal(t, "inside of a value", strings.Count(got, `id="a`+who+`z"`), 1)
		if i == 0 {
			first, firstKept = got, kept
			equal(t, "made", runs, 2)
			continue
		}
		equal(t, "kept", kept, firstKept)
		equal(t, "page", got, strings.ReplaceAll(first, "ann", who))
		equal(t, "made: the page's, and not the fragment's", runs, 2+i)
	}
	equal(t, "stored", f.Stats().Stored, 4)
}

// What templ itself prints is the same with caching and without, with a hole as
// nonce and with the nonce itself.
func TestPagesAreTheSameWithHoles(t *testing.T) {
	t.Parallel()
	f, _, set := liveSite(t)
	for _, c := range []func(f *fragment.Fragments) templ.Component{
		pages.Script, pages.Wrapped, pages.Twice, pages.Parts, pages.Inner,
		func(f *fragment.Fragments) templ.Component { return pages.Styled(f, false) },
	} {
		plain := show(t, templ.WithNonce(t.Context(), "r4nd0m"), c(nil))
		for range 2 {
			got, _, deps := recorded(t, set, "r4nd0m", templfragment.Page(f, c(f)))
			equal(t, "page", got, plain)
			equal(t, "private", deps.Private, "")
		}
	}
}

func TestFiftyVisitorsShareAPage(t *testing.T) {
	t.Parallel()
	f, c, set := liveSite(t)
	cached, err := pagecache.New(pagecache.Config{Cache: c, Live: set, StoreBudget: time.Minute})
	must(t, err)
	t.Cleanup(func() { cached.Close() })
	var runs atomic.Int64
	handler := cached.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runs.Add(1)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "max-age=3600")
		page := templfragment.Page(f, pages.Greeting(f, func() string { return "" }))
		if err := page.Render(templfragment.WithNonce(r.Context(), "nonce"), w); err != nil {
			t.Error(err)
		}
	}))
	var wg sync.WaitGroup
	for user := range 50 {
		wg.Go(func() {
			who := fmt.Sprint("user", user, "x")
			for range 20 {
				r := httptest.NewRequest(http.MethodGet, "http://a.test/", nil)
				r.Header.Set("X-User", who)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if text := w.Body.String(); strings.Count(text, who) != 9 || strings.Count(text, "user") != 9 || w.Header().Get("Cache-Control") != "private, no-store" {
					t.Errorf("%s got %q, %s", who, w.Header(), text)
				}
			}
		})
	}
	wg.Wait()
	if n := runs.Load(); n > 10 {
		t.Errorf("the handler ran %d times for 1000 requests", n)
	}
}

// Where nobody can tell where a value comes out, what it is in is private.
func TestHolesInUnknownPlacesArePrivate(t *testing.T) {
	t.Parallel()
	f, _, set := liveSite(t)
	between := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return f.Cached(ctx, w, "between", time.Minute, nil, func(ctx context.Context, w io.Writer) error {
			token, err := templfragment.Token(ctx, f, "token")
			_, werr := io.WriteString(w, "<i>"+token+"</i>")
			return errors.Join(err, werr)
		})
	})
	cut := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		token, err := templfragment.Token(ctx, f, "token")
		_, werr := io.WriteString(w, token[:len(token)-1])
		return errors.Join(err, werr)
	})
	upper := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var b bytes.Buffer
		err := templfragment.Live(f, "name").Render(ctx, &b)
		_, werr := w.Write(bytes.ToUpper(b.Bytes()))
		return errors.Join(err, werr)
	})
	for name, c := range map[string]templ.Component{
		"a token of the page in a fragment":     templfragment.Page(f, pages.Outside(f)),
		"a token in a fragment of other making": templfragment.Page(f, between),
		"a token in part":                       templfragment.Page(f, cut),
		"a value that was changed":              templfragment.Page(f, upper),
		"no page around":                        pages.One(f, "token"),
	} {
		for _, who := range []string{"ann", "robert"} {
			got, _, deps := recorded(t, set, who, c)
			if name != "no page around" { // whose fragment can tell, for the next
				equal(t, name+": private", deps.Private, "hole in an unknown place")
			}
			if name != "a token in part" && !strings.Contains(strings.ToLower(got), who) {
				t.Errorf("%s: %s got %s", name, who, got)
			}
		}
	}
	equal(t, "stored", f.Stats().Stored, 1)
}

func TestWrongHolesFailThePage(t *testing.T) {
	t.Parallel()
	f, _, _ := liveSite(t)
	var b bytes.Buffer
	for name, want := range map[string]string{"nobody": "no such hole", "name": "of kind html", "bold": "of kind html"} {
		for _, c := range []templ.Component{templfragment.Page(f, pages.One(f, name)), pages.One(f, name)} {
			err := c.Render(seenBy(t.Context(), "ann"), &b)
			if err == nil || !strings.Contains(err.Error(), want) || b.Len() > 0 {
				t.Errorf("%s: got %v and %q, want an error with %q", name, err, b.String(), want)
			}
		}
	}
	page := templfragment.Page(f, pages.Greeting(f, func() string { return "" }))
	for _, who := range []string{"fails", `no"token`} {
		var failed *live.ValueError
		if err := page.Render(seenBy(t.Context(), who), &b); !errors.As(err, &failed) || b.Len() > 0 {
			t.Errorf("%s: got %v and %q", who, err, b.String())
		}
	}
	if _, err := templfragment.Token(t.Context(), f, "bold"); err == nil {
		t.Error("a hole of kind html is a token")
	}
	equal(t, "stored", f.Stats().Stored, 0)
}

func TestRenderFragmentsWithHoles(t *testing.T) {
	t.Parallel()
	f, _, _ := liveSite(t)
	page := templfragment.Page(f, templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return templ.Fragment("part").Render(templ.WithChildren(ctx, pages.One(f, "token")), w)
	}))
	for _, who := range []string{"ann", "bob"} {
		var b bytes.Buffer
		must(t, templ.RenderFragments(seenBy(t.Context(), who), &b, page, "part"))
		equal(t, "part", b.String(), `<p id="`+who+`"></p>`)
	}
}
