package fragment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math/rand"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/fragment"
)

// heldOutPair is one set for html/template alone and for a Renderer.
type heldOutPair struct {
	who   atomic.Pointer[string] // the visitor
	plain *template.Template
	given *template.Template
}

func newHeldOutPair(sources []string) (*heldOutPair, error) {
	p := &heldOutPair{}
	both, alone := heldOutFuncs(&p.who)
	maps.Copy(alone, both)
	p.plain, p.given = template.New("").Funcs(alone), template.New("").Funcs(fragment.Funcs()).Funcs(both)
	p.plain.Funcs(template.FuncMap{"partialCached": func(name string, data any, _ ...any) (template.HTML, error) {
		var b bytes.Buffer
		err := p.plain.ExecuteTemplate(&b, name, data)
		return template.HTML(b.String()), err
	}})
	for _, src := range sources {
		if _, err := p.plain.Parse(src); err != nil {
			return nil, err
		}
		if _, err := p.given.Parse(src); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// heldOutSite has the holes of the generator: name and token, both the visitor's.
func heldOutSite(t *testing.T) *site {
	t.Helper()
	set, err := live.New(live.Config{Timeout: time.Minute})
	must(t, err)
	who := func(ctx context.Context) (string, error) { return ctx.Value(seenByKey{}).(string), nil }
	must(t, set.Live("name", live.HTML, who))
	must(t, set.Live("token", live.Token, who))
	return newSite(t, "", withConfig(func(cfg *fragment.Config) { cfg.Live = set }))
}

// unfit reports whether html/template cannot escape one of the templates: alone, it
// would say so when that is executed, a Renderer does when the set is loaded.
func (p *heldOutPair) unfit() bool {
	nobody := ""
	p.who.Store(&nobody)
	for _, t := range p.plain.Templates() {
		if err := p.plain.ExecuteTemplate(io.Discard, t.Name(), newNode(1, 2)); errors.As(err, new(*template.Error)) {
			return true
		}
	}
	return false
}

// causeOf is what a template failed of, without the way there, on which a partial
// has another name.
func causeOf(err error) string {
	text := err.Error()
	if at := strings.LastIndex(text, `executing "`); at >= 0 {
		text = text[at:]
	}
	return text
}

// same renders the page both ways: cold, for another visitor, found, purged, and
// with data of other shapes. It returns how many pages failed on both sides.
func (p *heldOutPair) same(t *testing.T, s *site, r *fragment.Renderer) (failed int) {
	t.Helper()
	for i, step := range []struct {
		who  string
		data any
	}{
		{"ann", newNode(1, 2)}, {"bob", newNode(2, 1)}, {"bob", newNode(1, 2)}, {"c", newNode(2, 1)}, {"ann", newNode(1, 2)},
		{"purge", nil}, {"bob", newNode(1, 2)}, {"ann", newNode(3, 0)}, {"ann", nil}, {"ann", newNode(3, 0)},
	} {
		if step.who == "purge" {
			must(t, s.cache.Clear(t.Context()))
			continue
		}
		p.who.Store(&step.who)
		var want, got bytes.Buffer
		wantErr := p.plain.ExecuteTemplate(&want, "page", step.data)
		err := r.Render(seenBy(t.Context(), step.who), &got, "page", step.data)
		switch {
		case err != nil && strings.Contains(err.Error(), "more than 4096 holes"):
			return failed + 9 // a page of megabytes
		case (err == nil) != (wantErr == nil):
			t.Errorf("step %d: got error %v, html/template %v", i, err, wantErr)
			return failed
		case wantErr != nil:
			failed++
			if got.Len() > 0 {
				t.Errorf("step %d: %d bytes of a page that failed", i, got.Len())
			}
			if cause := causeOf(wantErr); causeOf(err) != cause {
				t.Errorf("step %d: fails with %q, html/template with %q", i, err, wantErr)
				return failed
			}
		case got.String() != want.String():
			t.Errorf("step %d for %s differs\n--- want\n%s\n--- got\n%s", i, step.who, want.String(), got.String())
			return failed
		}
	}
	return failed
}

// TestHeldOut compares sets of the second generator. FRAGMENT_FUZZ_SEED and
// FRAGMENT_FUZZ_SETS are those of TestSameAsPlainTemplates.
func TestHeldOut(t *testing.T) {
	t.Parallel()
	first, sets := fromEnv(t, "FRAGMENT_FUZZ_SEED", 1), fromEnv(t, "FRAGMENT_FUZZ_SETS", 100)
	if testing.Short() {
		sets = min(sets, 25)
	}
	s := heldOutSite(t)
	var accepted, blocks, unfit, pages atomic.Int64
	const workers = 2
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for seed := first + w; seed < first+sets && !t.Failed(); seed += workers {
				g := heldOut{r: rand.New(rand.NewSource(int64(seed)))}
				sources := g.set()
				p, err := newHeldOutPair(sources)
				if err != nil {
					t.Errorf("seed %d: the generator is wrong: %v\n%s", seed, err, sources)
					return
				}
				r, err := fragment.NewRenderer(fragment.RendererConfig{Fragments: s.frags}, p.given)
				if err != nil {
					if p.unfit() {
						unfit.Add(1)
						continue
					}
					t.Errorf("seed %d: refused: %v\n%s", seed, err, sources)
					return
				}
				accepted.Add(1)
				blocks.Add(int64(r.Stats().Blocks))
				pages.Add(int64(max(0, 9-p.same(t, s, r))))
				if t.Failed() {
					t.Logf("seed %d\n%s", seed, fmt.Sprint(sources))
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d sets with %d fragments, %d pages came out the same; %d sets are unfit", accepted.Load(), blocks.Load(), pages.Load(), unfit.Load())
	if accepted.Load() < int64(sets)/2 || pages.Load() < accepted.Load() {
		t.Errorf("only %d of %d sets with %d pages were compared", accepted.Load(), sets, pages.Load())
	}
}
