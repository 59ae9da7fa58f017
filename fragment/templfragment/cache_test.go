package templfragment_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a-h/templ"
	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/fragment"
	"github.com/echoic-go/echoic/fragment/templfragment"
	"github.com/echoic-go/echoic/fragment/templfragment/internal/pages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func newFragments(t testing.TB) (*fragment.Fragments, *cache.Cache) {
	t.Helper()
	store, err := memory.New(memory.Config{})
	must(t, err)
	c, err := cache.New(cache.Config{Store: store})
	must(t, err)
	t.Cleanup(func() { c.Close(); store.Close() })
	f, err := fragment.New(fragment.Config{Cache: c, Salt: "test"})
	must(t, err)
	return f, c
}

// show renders a component as the first on its page.
func show(t testing.TB, ctx context.Context, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	must(t, c.Render(ctx, &b))
	return b.String()
}

func TestChildrenAreRenderedOnce(t *testing.T) {
	t.Parallel()
	f, c := newFragments(t)
	runs := 0
	expensive := func(ctx context.Context) string {
		runs++
		cache.Tag(ctx, "quotes")
		return "E"
	}
	want := func(user, body string) string { // without caching
		return show(t, t.Context(), pages.Page(nil, user, body, func(context.Context) string { return "E" }))
	}
	for _, p := range []struct {
		user, body string
		runs       int
	}{{"ann", "<1>", 2}, {"ann", "<2>", 2}, {"bob", "<3>", 3}, {"bob", "<4>", 3}} {
		equal(t, p.user+p.body, show(t, t.Context(), pages.Page(f, p.user, p.body, expensive)), want(p.user, p.body))
		equal(t, "expensive calls", runs, p.runs)
	}
	must(t, f.Invalidate(t.Context(), "sidebar", "ann"))
	show(t, t.Context(), pages.Page(f, "bob", "", expensive))
	equal(t, "another's is still there", runs, 3)
	show(t, t.Context(), pages.Page(f, "ann", "", expensive))
	equal(t, "invalidated, but for the inner one", runs, 4)

	ctx, scope := cache.Open(t.Context())
	show(t, ctx, pages.Page(f, "ann", "", expensive))
	tags := scope.Deps().Tags
	equal(t, "the page carries the tag on a hit", len(tags) > 0 && strings.Contains(tagNames(tags), "quotes"), true)
	must(t, c.Purge(t.Context(), "quotes"))
	show(t, t.Context(), pages.Page(f, "ann", "", expensive))
	equal(t, "purged", runs, 6)
}

func tagNames(tags []cache.TagToken) string {
	var names []string
	for _, tag := range tags {
		names = append(names, tag.Name)
	}
	return strings.Join(names, " ")
}

func TestTwoOfOneNameStayApart(t *testing.T) {
	t.Parallel()
	f, _ := newFragments(t)
	for range 2 {
		out := show(t, t.Context(), pages.Twice(f))
		equal(t, out, strings.Contains(out, "first") && strings.Contains(out, "second"), true)
	}
}

func TestChildrenOfChildren(t *testing.T) {
	t.Parallel()
	f, _ := newFragments(t)
	want := show(t, t.Context(), pages.Wrapped(nil))
	for range 2 {
		equal(t, "page", show(t, t.Context(), pages.Wrapped(f)), want)
	}
	equal(t, "sections", strings.Count(want, "<section>"), 2)
}

// The first trap: whatever was written before it, on the page where it was made
// or on the one where it is shown, a fragment carries its style and its script.
func TestStylesAreInTheFragment(t *testing.T) {
	t.Parallel()
	for _, madeAfterOne := range []bool{true, false} {
		f, _ := newFragments(t)
		for i, outside := range []bool{madeAfterOne, !madeAfterOne, false} {
			out := show(t, t.Context(), pages.Styled(f, outside))
			style, use := strings.Index(out, ".red"), strings.Index(out, `>in</b>`)
			if style < 0 || style > use || !strings.Contains(out, "/once.js") {
				t.Errorf("page %d, made after one: %v: %s", i, madeAfterOne, out)
			}
			if n := strings.Count(out, "<style"); n > 3 || n == 0 {
				t.Errorf("%d styles in %s", n, out)
			}
		}
	}
}

// The second trap: parts are looked for inside of the children.
func TestRenderFragments(t *testing.T) {
	t.Parallel()
	f, _ := newFragments(t)
	for range 2 {
		equal(t, "page", show(t, t.Context(), pages.Parts(f)), "<b>before</b><i>part</i>")
		var b bytes.Buffer
		must(t, templ.RenderFragments(t.Context(), &b, pages.Parts(f), "part"))
		equal(t, "part", b.String(), "<i>part</i>")
	}
	equal(t, "stored", f.Stats().Stored, 1)
}

// The third trap: every answer has its own nonce, on hits too.
func TestNonce(t *testing.T) {
	t.Parallel()
	f, _ := newFragments(t)
	page := func(f *fragment.Fragments, nonce string) (string, cache.Deps) {
		ctx, scope := cache.Open(t.Context())
		if nonce != "" {
			ctx = templ.WithNonce(ctx, nonce)
		}
		return show(t, ctx, pages.Script(f)), scope.Deps()
	}
	for i, nonce := range []string{"r4nd0m+/1==", "", "r4nd0m-2", "", "r4nd0m-3"} {
		want, _ := page(nil, nonce)
		out, deps := page(f, nonce)
		equal(t, "page", out, want)
		equal(t, "nonces", strings.Count(out, nonce) == 2 || nonce == "", true)
		equal(t, "private", deps.Private == "nonce", nonce != "")
		equal(t, "stored", f.Stats().Stored, uint64(min(2*(i+1), 4)))
	}
	equal(t, "hits", f.Stats().Hits, 3)
	// Not a nonce at all: rendered, and not kept.
	out, _ := page(f, `"><script>`)
	equal(t, "escaped by templ", strings.Contains(out, `"><script>`), false)
	equal(t, "stored", f.Stats().Stored, 4)
}

// Between the word that stands for the nonce and its fragment stands another,
// which must not keep the word.
func TestNonceThroughAnotherFragment(t *testing.T) {
	t.Parallel()
	f, _ := newFragments(t)
	between := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return f.Cached(ctx, w, "between", time.Minute, nil, func(ctx context.Context, w io.Writer) error {
			return pages.Inner(f).Render(ctx, w)
		})
	})
	outer := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return templfragment.Cache(f, "outer", time.Minute).Render(templ.WithChildren(ctx, between), w)
	})
	for _, nonce := range []string{"one", "two"} {
		out := show(t, templ.WithNonce(t.Context(), nonce), outer)
		equal(t, out, strings.Contains(out, `nonce="`+nonce+`"`), true)
	}
	equal(t, "stored: the inner alone", f.Stats().Stored, 1)
}

func TestErrorsStoreNothing(t *testing.T) {
	t.Parallel()
	f, _ := newFragments(t)
	boom := errors.New("boom")
	var b bytes.Buffer
	err := pages.Failing(f, func() (string, error) { return "", boom }).Render(t.Context(), &b)
	if !errors.Is(err, boom) || b.Len() > 0 {
		t.Fatalf("got %v and %q", err, b.String())
	}
	equal(t, "page", show(t, t.Context(), pages.Failing(f, func() (string, error) { return "whole", nil })), "half whole")
	err = templfragment.Cache(f, "bad", time.Minute, &struct{}{}).Render(t.Context(), &b)
	if !errors.Is(err, fragment.ErrNoIdentity) {
		t.Errorf("got %v, want ErrNoIdentity", err)
	}
}

func TestCrowd(t *testing.T) {
	t.Parallel()
	f, _ := newFragments(t)
	want := show(t, t.Context(), pages.Script(nil))
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if out := show(t, t.Context(), pages.Script(f)); out != want {
				t.Errorf("got %s", out)
			}
		})
	}
	wg.Wait()
	equal(t, "bodies run", f.Stats().Misses, 2)
}
