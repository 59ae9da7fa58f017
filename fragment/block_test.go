package fragment_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/fragment"
)

func TestBlockIsRenderedOncePerValue(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, opts ...option) {
		s := newSite(t, `{{define "p"}}<b>{{if cache "side" "500s" .U}}{{hit}}[{{.V}}]{{end}}</b>{{.V}}{{end}}`, opts...)
		equal(t, "miss", s.get("p", map[string]any{"U": "a", "V": "<1>"}), "<b>[&lt;1&gt;]</b>&lt;1&gt;")
		equal(t, "hit", s.get("p", map[string]any{"U": "a", "V": "<2>"}), "<b>[&lt;1&gt;]</b>&lt;2&gt;")
		equal(t, "other user", s.get("p", map[string]any{"U": "b", "V": "3"}), "<b>[3]</b>3")
		equal(t, "bodies run", s.hits.Load(), 2)
		equal(t, "instances made", s.r.Stats().Instances, 1)
		st := s.frags.Stats()
		equal(t, "hits", st.Hits, 1)
		equal(t, "stored", st.Stored, 2)
	})
}

func TestNestedInRangeWithBreakAndContinue(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "row"}}{{if cache "row" 60 .}}{{hit}}<li>{{.}}</li>{{end}}{{end}}
{{define "p"}}{{if cache "all" "1m" .N}}<ul>{{range .L}}{{if eq . 9}}{{break}}{{end}}{{if eq . 8}}{{continue}}{{end}}{{with .}}{{template "row" .}}{{end}}{{end}}</ul>{{block "foot" .}}F{{.N}}{{end}}{{end}}{{end}}`)
	equal(t, "cold", s.get("p", map[string]any{"N": 1, "L": []int{1, 2, 8, 3, 9, 4}}), "<ul><li>1</li><li>2</li><li>3</li></ul>F1")
	equal(t, "rows run", s.hits.Load(), 3)
	equal(t, "two hits inside a miss", s.get("p", map[string]any{"N": 2, "L": []int{3, 2, 5}}), "<ul><li>3</li><li>2</li><li>5</li></ul>F2")
	equal(t, "rows run", s.hits.Load(), 4)
	equal(t, "hit of the whole", s.get("p", map[string]any{"N": 2, "L": nil}), "<ul><li>3</li><li>2</li><li>5</li></ul>F2")
	equal(t, "stored", s.frags.Stats().Stored, 6)
}

func TestBreakOutsideOfTheBody(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{range .}}{{if cache "x" "1m" .}}{{hit}}{{.}}{{end}}{{if eq . 2}}{{break}}{{end}},{{end}}{{end}}`)
	for range 2 {
		equal(t, "page", s.get("p", []int{1, 2, 3}), "1,2")
	}
	equal(t, "bodies run", s.hits.Load(), 2)
}

func TestBlocksOfOneNameStayApart(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{if cache "a" "1m"}}X{{.}}{{end}}{{if cache "a" "1m"}}Y{{.}}{{end}}{{if cache "a" "1m"}}Y{{.}}{{end}}{{end}}`)
	equal(t, "cold", s.get("p", 1), "X1Y1Y1")
	equal(t, "hot", s.get("p", 2), "X1Y1Y1")
	equal(t, "stored", s.frags.Stats().Stored, 3)
}

func TestTimesToLive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		src  string
		data any
		runs int64 // of two renders
	}{
		"duration string":      {`"500s"`, nil, 1},
		"seconds":              {`500`, nil, 1},
		"fraction of a second": {`500.5`, nil, 1},
		"forever":              {`"forever"`, nil, 1},
		"variable string":      {`.`, "1m", 1},
		"variable seconds":     {`.`, 60, 1},
		"variable duration":    {`.`, time.Minute, 1},
		"cache.Forever":        {`.`, cache.Forever, 1},
		"zero":                 {`0`, nil, 2},
		"zero string":          {`"0s"`, nil, 2},
		"zero variable":        {`.`, time.Duration(0), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, `{{define "p"}}{{if cache "a" `+c.src+`}}{{hit}}x{{end}}{{end}}`)
			for range 2 {
				equal(t, "page", s.get("p", c.data), "x")
			}
			equal(t, "bodies run", s.hits.Load(), c.runs)
		})
	}
}

func TestBadTimeToLiveFailsTheRender(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{if cache "a" .}}x{{end}}{{end}}{{define "q"}}{{partialCached "r" . .}}{{end}}{{define "r"}}{{end}}`)
	for _, page := range []string{"p", "q"} {
		for _, bad := range []any{"-1s", -1, "5", "soon", nil, true, []int{1}} {
			var b bytes.Buffer
			err := s.r.Render(t.Context(), &b, page, bad)
			if !errors.Is(err, fragment.ErrBadTTL) || b.Len() > 0 {
				t.Errorf("ttl %v: got %v and %q, want ErrBadTTL and nothing", bad, err, b.String())
			}
		}
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clock := func() time.Time { return start.Add(time.Duration(later.Load())) }
	store, err := memory.New(memory.Config{Now: clock})
	must(t, err)
	t.Cleanup(func() { store.Close() })
	c, err := cache.New(cache.Config{Store: store, Now: clock})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	s := newSite(t, `{{define "p"}}{{if cache "a" "10s"}}{{hit}}x{{end}}{{end}}`, withConfig(func(cfg *fragment.Config) {
		cfg.Cache, cfg.Now = c, clock
	}))
	s.get("p", nil)
	later.Store(int64(9 * time.Second))
	s.get("p", nil)
	equal(t, "before the end", s.hits.Load(), 1)
	later.Store(int64(11 * time.Second))
	s.get("p", nil)
	equal(t, "after the end", s.hits.Load(), 2)
}

func TestErrorsAndPanicsStoreNothingAndFreeTheLock(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}A{{if cache "o" "1m"}}o{{if cache "i" "1m"}}i{{end}}{{if .Fail}}{{fail}}{{end}}{{if .Panic}}{{panic}}{{end}}{{range .Seq}}x{{end}}{{end}}B{{end}}`)
	for _, data := range []map[string]any{{"Fail": true}, {"Panic": true}} {
		var b bytes.Buffer
		err := s.r.Render(t.Context(), &b, "p", data)
		if err == nil || b.Len() != 0 {
			t.Fatalf("%v: got error %v and output %q", data, err, b.String())
		}
		if want := `template: root:1:`; !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say where: want %q", err, want)
		}
	}
	func() { // a panicking iterator is not turned into an error by text/template
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = s.r.Render(t.Context(), new(bytes.Buffer), "p", map[string]any{"Seq": func(func(int) bool) { panic("iter") }})
	}()
	equal(t, "stored: only the inner one, which was complete", s.frags.Stats().Stored, 1)
	equal(t, "failed", s.frags.Stats().Failed, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // less than the lock's time-out
	defer cancel()
	equal(t, "page", s.page(ctx, "p", map[string]any{}), "AoiB")
	equal(t, "hit", s.page(ctx, "p", map[string]any{"Fail": true}), "AoiB")
	equal(t, "the instance of the panic was dropped", s.r.Stats().Instances, 2)
}

func TestVaryWithoutIdentityIsAnError(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}{{if cache "a" "1m" "x" .}}X{{end}}{{end}}`)
	err := s.r.Render(t.Context(), new(bytes.Buffer), "p", &struct{ A int }{1})
	var vary *fragment.VaryError
	if !errors.As(err, &vary) || vary.Position != 2 || vary.Fragment != "a" || !errors.Is(err, fragment.ErrNoIdentity) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "CacheKey() string") {
		t.Errorf("%v: does not say what to do", err)
	}
}

func TestCachingOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "c"}}({{.}}){{end}}{{define "p"}}{{if cache "a" "1m"}}{{hit}}x{{partialCached "c" . "1m"}}{{end}}{{tag "t"}}{{end}}`)
	r, err := fragment.NewRenderer(fragment.RendererConfig{}, s.parse(`{{define "c"}}({{.}}){{end}}{{define "p"}}{{if cache "a" "1m"}}{{hit}}x{{partialCached "c" . "1m"}}{{end}}{{tag "t"}}{{end}}`))
	must(t, err)
	s.r = r
	for range 2 {
		equal(t, "page", s.get("p", 1), "x(1)")
	}
	equal(t, "bodies run", s.hits.Load(), 2)
}

func TestRecursionEndsInAnError(t *testing.T) {
	t.Parallel()
	src := `{{define "rec"}}{{partialCached "rec" . .T (list .N)}}{{end}}{{define "blk"}}{{if cache "b" .T .N}}{{template "blk" .}}{{end}}{{end}}`
	s := newSite(t, src)
	off, err := fragment.NewRenderer(fragment.RendererConfig{}, s.parse(src))
	must(t, err)
	for name, c := range map[string]struct {
		r   *fragment.Renderer
		ttl string
	}{"cached": {s.r, "1m"}, "not cached": {s.r, "0s"}, "caching off": {off, "1m"}} {
		for _, page := range []string{"rec", "blk"} {
			err := c.r.Render(t.Context(), new(bytes.Buffer), page, map[string]any{"T": c.ttl, "N": 1})
			if !errors.Is(err, fragment.ErrTooDeep) {
				t.Errorf("%s, %s: got %.200v, want ErrTooDeep", name, page, err)
			}
		}
	}
}

func TestUnknownTemplate(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}x{{end}}{{define "q"}}{{partialCached .T . "1m"}}{{end}}`)
	for _, err := range []error{
		s.r.Render(t.Context(), new(bytes.Buffer), "nope", nil),
		s.r.Render(t.Context(), new(bytes.Buffer), "q", map[string]any{"T": "nope"}),
	} {
		if !errors.Is(err, fragment.ErrNoTemplate) {
			t.Errorf("got %v, want ErrNoTemplate", err)
		}
	}
}

func TestSetExecutedDirectlySaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t, `{{define "p"}}x{{end}}`)
	err := s.parse(`{{define "p"}}{{if cache "a" "1m"}}x{{end}}{{end}}`).ExecuteTemplate(new(bytes.Buffer), "p", nil)
	if err == nil || !strings.Contains(err.Error(), "render it with a fragment.Renderer") {
		t.Fatalf("got %v", err)
	}
}
