package fragment_test

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"os"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/fragment"
)

// newFragments keeps fragments in memory.
func newFragments() (*fragment.Fragments, *cache.Cache, func()) {
	store, err := memory.New(memory.Config{})
	if err != nil {
		panic(err)
	}
	c, err := cache.New(cache.Config{Store: store})
	if err != nil {
		panic(err)
	}
	frags, err := fragment.New(fragment.Config{Cache: c})
	if err != nil {
		panic(err)
	}
	return frags, c, func() { c.Close(); store.Close() }
}

func Example() {
	frags, _, done := newFragments()
	defer done()
	set := template.Must(template.New("home.html").Funcs(fragment.Funcs()).Parse(
		`<h1>Hello {{ .User }}</h1>{{ if cache "sidebar" "500s" .User }}<aside>{{ .Now }}</aside>{{ end }}` + "\n"))
	r, err := fragment.NewRenderer(fragment.RendererConfig{Fragments: frags}, set)
	if err != nil {
		panic(err)
	}
	for _, user := range []string{"ann", "ann", "bob"} {
		data := map[string]any{"User": user, "Now": frags.Stats().Misses}
		if err := r.Render(context.Background(), os.Stdout, "home.html", data); err != nil {
			panic(err)
		}
	}
	// Output:
	// <h1>Hello ann</h1><aside>0</aside>
	// <h1>Hello ann</h1><aside>0</aside>
	// <h1>Hello bob</h1><aside>1</aside>
}

// Data that is loaded inside the fragment is not loaded on a hit. It takes the
// fragment's context, so that what it depends on counts for the fragment.
func Example_lazyData() {
	frags, c, done := newFragments()
	defer done()
	latest := func(ctx context.Context) []string {
		fmt.Println("(query)")
		cache.Tag(ctx, "quotes")
		return []string{"one", "two"}
	}
	set := template.Must(template.New("home.html").Funcs(fragment.Funcs()).Parse(
		`{{ if cache "latest" "1h" }}{{ range call .Latest ctx }}({{ . }}){{ end }}{{ end }}` + "\n"))
	r, err := fragment.NewRenderer(fragment.RendererConfig{Fragments: frags}, set)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	for i := range 3 {
		if i == 2 {
			if err := c.Purge(ctx, "quotes"); err != nil {
				panic(err)
			}
		}
		if err := r.Render(ctx, os.Stdout, "home.html", map[string]any{"Latest": latest}); err != nil {
			panic(err)
		}
	}
	// Output:
	// (query)
	// (one)(two)
	// (one)(two)
	// (query)
	// (one)(two)
}

func ExampleFragments_Cached() {
	frags, _, done := newFragments()
	defer done()
	price := func(ctx context.Context, w io.Writer) error {
		fmt.Println("(computed)")
		_, err := fmt.Fprintln(w, "42 euros")
		return err
	}
	for range 2 {
		if err := frags.Cached(context.Background(), os.Stdout, "price", time.Hour, []any{"book", 7}, price); err != nil {
			panic(err)
		}
	}
	// Output:
	// (computed)
	// 42 euros
	// 42 euros
}

func ExampleFragments_Invalidate() {
	frags, _, done := newFragments()
	defer done()
	ctx := context.Background()
	show := func(id int) {
		err := frags.Cached(ctx, io.Discard, "quote", cache.Forever, []any{id}, func(context.Context, io.Writer) error {
			fmt.Println("rendered", id)
			return nil
		})
		if err != nil {
			panic(err)
		}
	}
	show(7)
	show(8)
	if err := frags.Invalidate(ctx, "quote", 7); err != nil {
		panic(err)
	}
	show(7)
	show(8)
	// Output:
	// rendered 7
	// rendered 8
	// rendered 7
}
