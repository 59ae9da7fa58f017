package fragment_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/fragment"
)

// What is remembered of a fragment that was found often is its key alone: changes
// are seen, dependencies are said, and others' arguments are other fragments.
func TestFragmentThatIsOftenFound(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, `{{define "p"}}{{if cache "a" "1h" .K}}{{hit}}{{tag "t"}}{{.K}}={{.V}}{{end}}{{end}}`, opts...)
		show := func(value, want string) {
			t.Helper()
			for range 4 {
				for _, key := range []string{"x", "y"} {
					deps := within(t.Context(), func(ctx context.Context) {
						equal(t, "page", s.page(ctx, "p", map[string]any{"K": key, "V": value}), key+"="+want)
					})
					if len(deps.Tags) != 2 {
						t.Errorf("the page carries %v, want t and that of the name", deps.Tags)
					}
				}
			}
		}
		show("1", "1")
		show("2", "1")
		equal(t, "hits", s.frags.Stats().Hits, 14)
		must(t, s.cache.Purge(t.Context(), "t"))
		show("3", "3")
		must(t, s.frags.Invalidate(t.Context(), "a", "x"))
		must(t, s.frags.Invalidate(t.Context(), "a", "y"))
		show("4", "4")
		must(t, s.cache.Clear(t.Context()))
		show("5", "5")
		equal(t, "bodies run", s.hits.Load(), 8)
	})
}

// More fragments than keys are remembered, at once.
func TestMoreFragmentsThanHotKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{range .}}{{if cache "row" "1h" .}}[{{.}}]{{end}}{{end}}{{end}}`)
	rows, want := make([]int, 3000), ""
	for i := range rows {
		rows[i] = i
		want += fmt.Sprintf("[%d]", i)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 4 {
				if got := s.get("p", rows); got != want {
					t.Error("rows are mixed up")
				}
			}
		})
	}
	wg.Wait()
}

// The error of a block is what it was, whether its arguments are many or few.
func TestErrorsOfBlocksKeepTheirType(t *testing.T) {
	t.Parallel()
	for _, args := range []string{".", ". 1", ". 1 2"} {
		s := newSite(t, `{{define "p"}}{{if cache "a" "1m" `+args+`}}x{{end}}{{end}}`)
		err := s.r.Render(t.Context(), io.Discard, "p", func() {})
		var vary *fragment.VaryError
		if !errors.As(err, &vary) || vary.Fragment != "a" {
			t.Errorf("%s: got %v, want a VaryError", args, err)
		}
	}
}

// A hit takes less than half of the allocations that are promised; most of them are
// text/template's.
func TestAllocationsOfAHit(t *testing.T) {
	s := newSite(t, `{{define "p"}}{{if cache "s" "500s" .User.Name}}x{{end}}{{end}}`)
	ctx, _ := cache.Open(t.Context())
	data := shopData()
	render := func() { must(t, s.r.Render(ctx, io.Discard, "p", data)) }
	render()
	render()
	if n := testing.AllocsPerRun(1000, render); n > 7 {
		t.Errorf("a hit takes %v allocations, at most 7 are expected", n)
	}
}
