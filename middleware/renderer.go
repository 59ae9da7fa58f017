package middleware

import (
	"context"
	"html/template"
	"io"
	"io/fs"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/fragment"
)

// RendererConfig configures a [Renderer]. The zero value has no templates yet
// and caches no fragments.
type RendererConfig struct {
	// Templates are the sets, parsed with fragment.Funcs or by fragment.Parse;
	// [fragment.Renderer.Load] says what they must be. Defaults to none: then
	// Load brings them later.
	Templates []*template.Template
	// Fragments keep the cached fragments. Defaults to nil: every fragment is
	// rendered every time.
	Fragments *fragment.Fragments
	// Live are the holes of templates. Defaults to that of Fragments.
	Live *live.Set
	// ContextFuncs are template functions that get the context of the request,
	// and from it, by [EchoContext], the echo.Context.
	ContextFuncs fragment.ContextFuncs
	// MaxIdle is how many instances of each set wait for the next render.
	// Defaults to four for every processor.
	MaxIdle int
	// Files, Parse and Reload are those of fragment.RendererConfig: the sets
	// come from files, in place of Templates, and in development from the files
	// as they are at each request.
	Files  fs.FS
	Parse  fragment.ParseConfig
	Reload bool
}

// Renderer is an echo.Renderer over a [fragment.Renderer], whose Load and Stats
// it has, too. It is safe for concurrent use.
type Renderer struct{ *fragment.Renderer }

var _ echo.Renderer = (*Renderer)(nil)

// NewRenderer makes a Renderer. It fails if a template uses fragments in a way
// that cannot work; the error tells template, line and column of every such use.
//
//	e.Renderer, err = middleware.NewRenderer(middleware.RendererConfig{Templates: sets, Fragments: fragments})
func NewRenderer(cfg RendererConfig) (*Renderer, error) {
	r, err := fragment.NewRenderer(fragment.RendererConfig{
		Fragments:    cfg.Fragments,
		Live:         cfg.Live,
		ContextFuncs: cfg.ContextFuncs,
		MaxIdle:      cfg.MaxIdle,
		Files:        cfg.Files,
		Parse:        cfg.Parse,
		Reload:       cfg.Reload,
	}, cfg.Templates...)
	if err != nil {
		return nil, err
	}
	return &Renderer{r}, nil
}

// Render implements echo.Renderer: it is what c.Render calls. Fragments, tags
// and functions work under the request's context, so that the page around them
// learns what it depends on. A page with holes that no page cache takes care of
// gets the header that one would give it. Nothing is written to w unless the whole page was
// rendered.
func (r *Renderer) Render(w io.Writer, name string, data any, c echo.Context) error {
	ctx := context.WithValue(c.Request().Context(), echoContextKey{}, c)
	set := r.Live()
	if set.Empty() || set.RecordingOf(ctx) != nil {
		return r.Renderer.Render(ctx, w, name, data)
	}
	ctx, values := set.WithValues(ctx)
	err := r.Renderer.Render(ctx, w, name, data)
	if err == nil && values.Shown() {
		live.Protect(c.Response().Header())
	}
	return err
}

type echoContextKey struct{}

// EchoContext returns the echo.Context that a template is rendered for. It is
// for ContextFuncs, and must not outlive the request: Echo uses it again.
func EchoContext(ctx context.Context) (c echo.Context, ok bool) {
	c, ok = ctx.Value(echoContextKey{}).(echo.Context)
	return c, ok
}
