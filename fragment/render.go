package fragment

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/echoic-go/echoic/cache/live"
)

// RendererConfig is what a [Renderer] is made of. The zero value renders without
// caching.
type RendererConfig struct {
	// Fragments keep the fragments. Nil: everything is rendered, nothing is
	// kept, which is also a way to compare.
	Fragments *Fragments
	// Live are the holes that templates can have. Defaults to that of Fragments.
	Live *live.Set
	// ContextFuncs are functions of the templates that get the context of the
	// render. Their names must have been known to the parser, by [Funcs].
	ContextFuncs ContextFuncs
	// MaxIdle is how many instances of each template set wait for the next
	// render. More renders at a time than that make instances that are thrown
	// away afterwards. One takes about 14 bytes of memory for each byte of
	// those of its templates that it has rendered. Defaults to four for every
	// processor.
	MaxIdle int
	// Files are where the template sets are parsed from, as Parse says, in
	// place of sets that are given to NewRenderer. The names of ContextFuncs
	// need not be repeated in Parse.
	Files fs.FS
	Parse ParseConfig
	// Reload is for development, with Files of os.DirFS: every render looks
	// whether the files have changed, and then loads them. If they cannot be
	// loaded the last good sets go on, and whole pages say what is wrong. Page
	// caches do not keep what is rendered.
	Reload bool
}

// Renderer renders html/template sets with cached fragments. It is safe for
// concurrent use and holds nothing that has to be closed.
type Renderer struct {
	frags   *Fragments
	live    *live.Set
	funcs   []boundFunc
	maxIdle int
	made    atomic.Uint64
	current atomic.Pointer[generation]
	source  *source // nil: it is not reloaded
}

// generation is what one Load brought.
type generation struct {
	sets   []*set
	byName map[string]*set // by the name of a template
}

// NewRenderer makes a Renderer of template sets that were parsed with [Funcs];
// [Renderer.Load] says what they must be. Without sets it renders nothing until
// Load is called. It fails with ErrUnsupportedGo if the running version of
// html/template is not one whose escaping it understands.
func NewRenderer(cfg RendererConfig, sets ...*template.Template) (*Renderer, error) {
	if err := selfTest(); err != nil {
		return nil, err
	}
	if cfg.MaxIdle < 0 {
		return nil, fmt.Errorf("fragment: RendererConfig.MaxIdle is %d: give a positive number", cfg.MaxIdle)
	}
	if cfg.MaxIdle == 0 {
		cfg.MaxIdle = 4 * runtime.GOMAXPROCS(0)
	}
	funcs, err := binders(cfg.ContextFuncs)
	if err != nil {
		return nil, err
	}
	if cfg.Live == nil {
		cfg.Live = cfg.Fragments.holes()
	}
	r := &Renderer{frags: cfg.Fragments, live: cfg.Live, funcs: funcs, maxIdle: cfg.MaxIdle}
	r.current.Store(&generation{})
	if cfg.Files != nil {
		return r, r.open(cfg, len(sets))
	}
	if cfg.Reload {
		return nil, errors.New("fragment: RendererConfig.Reload without Files: set Files and Parse")
	}
	if len(sets) == 0 {
		return r, nil
	}
	return r, r.Load(sets...)
}

// open loads the sets from files.
func (r *Renderer) open(cfg RendererConfig, given int) error {
	if given > 0 {
		return errors.New("fragment: NewRenderer: RendererConfig.Files and template sets are both given: choose one")
	}
	if cfg.Parse.ContextFuncs == nil {
		cfg.Parse.ContextFuncs = cfg.ContextFuncs
	}
	src := &source{fsys: cfg.Files, cfg: cfg.Parse}
	if cfg.Reload {
		r.source = src
	}
	return src.refresh(r.Load)
}

// Live returns the holes that templates can have, nil if there are none.
func (r *Renderer) Live() *live.Set { return r.live }

// Load takes these sets in place of the present ones. They are compiled first:
// if anything is wrong with one of them, everything stays as it is, and the
// error holds a *LoadError for every wrong use. Renders under way finish with
// the old ones.
//
// The sets must not have been executed; they are copied and stay unchanged. One
// set is enough if no two pages define a block of the same name differently.
// Else every page has a set of its own, layout included, which Render finds by
// the name of the *template.Template that is given here; templates of other
// names are looked for in the sets in the given order.
func (r *Renderer) Load(sets ...*template.Template) error {
	g := &generation{byName: map[string]*set{}}
	var errs []error
	for _, given := range sets {
		if given == nil {
			return errors.New("fragment: Load: a template set is nil")
		}
		s, err := newSet(given, r.frags, r.live, r.maxIdle)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		g.sets = append(g.sets, s)
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	g.index()
	r.current.Store(g)
	return nil
}

// index finds the set for every name: a set's own name first, and of the other
// templates those of the first set that has them.
func (g *generation) index() {
	for _, s := range g.sets {
		if slices.Contains(s.names, s.base.Name()) && g.byName[s.base.Name()] == nil {
			g.byName[s.base.Name()] = s
		}
	}
	for _, s := range g.sets {
		for _, name := range s.names {
			if g.byName[name] == nil {
				g.byName[name] = s
			}
		}
	}
}

// Render executes the template of that name with data and writes the page to w,
// all of it or, after an error, nothing. Fragments and functions work under
// ctx: its scope gets what the page depends on. A name that no set defines is
// ErrNoTemplate. A panic of application code passes through; it leaves no lock
// behind.
func (r *Renderer) Render(ctx context.Context, w io.Writer, name string, data any) error {
	if r.source != nil {
		return r.renderReloaded(ctx, w, name, data)
	}
	return r.renderLoaded(ctx, w, name, data)
}

func (r *Renderer) renderLoaded(ctx context.Context, w io.Writer, name string, data any) error {
	s := r.current.Load().byName[name]
	if s == nil {
		return fmt.Errorf("%w: %q: load a set that defines it", ErrNoTemplate, name)
	}
	in, made, err := s.take(r.funcs)
	if err != nil {
		return err
	}
	if made {
		r.made.Add(1)
	}
	return in.render(ctx, w, name, data)
}

// render is one use of an instance.
func (in *instance) render(ctx context.Context, w io.Writer, name string, data any) error {
	st := &in.state
	if !st.set.live.Empty() {
		ctx, _ = st.set.live.WithValues(ctx)
	}
	st.ctx = ctx
	if n, ok := ctx.Value(nestKey{}).(*nest); ok {
		st.nest, st.floor = *n, n.depth
	}
	whole := false
	defer func() {
		st.reset()
		if whole { // after a panic nobody knows what html/template was at
			st.set.give(in)
		}
	}()
	err := in.set.ExecuteTemplate(&st.buf, name, data)
	if err == nil && len(st.frames) > 0 {
		err = errors.New("fragment: internal error: a fragment was not closed")
	}
	if err == nil {
		err = st.set.live.Deliver(ctx, w, &st.buf)
	}
	whole = true
	return err
}

// RendererStats tell what a Renderer holds.
type RendererStats struct {
	Sets      int        // loaded
	Blocks    int        // {{if cache}} in them
	Idle      int        // instances that wait for a render
	Instances uint64     // made since the start: far above Idle, MaxIdle is too low
	PerSet    []SetStats // in the order that they were loaded
}

// Stats returns what the Renderer holds now.
func (r *Renderer) Stats() RendererStats {
	g := r.current.Load()
	st := RendererStats{Sets: len(g.sets), Instances: r.made.Load()}
	for _, s := range g.sets {
		one := s.stats()
		st.Blocks += one.Blocks
		st.Idle += one.Idle
		st.PerSet = append(st.PerSet, one)
	}
	return st
}
