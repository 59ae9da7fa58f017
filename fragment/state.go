package fragment

import (
	"context"
	"fmt"
	"html/template"
	"time"

	"github.com/echoic-go/echoic/cache/live"
)

// state is a render under way. The functions of its instance work on it.
type state struct {
	set       *set
	templates *template.Template

	// ctx is the innermost body's, or the render's own: template functions
	// have no other way to get it.
	ctx    context.Context
	buf    live.Buffer // one for the whole page: a fragment is a part of it
	frames []frame     // the open fragments
	args   [2]any      // room for vary arguments
	ahead  ahead       // of the loop
	nest   nest        // made at the first miss
	floor  int         // how deep the render itself is nested
}

// frame is an open fragment.
type frame struct {
	fill  *fill           // nil: it is rendered, but not recorded
	start live.Mark       // of its bytes in buf
	ctx   context.Context // outside of it
}

// reset forgets a render. Fragments that an error or a panic left open are
// given up, so that nobody waits for them.
func (s *state) reset() {
	for i := len(s.frames) - 1; i >= 0; i-- {
		if fl := s.frames[i].fill; fl != nil {
			fl.abort()
		}
	}
	clear(s.frames)
	s.frames = s.frames[:0]
	s.ahead.forget()
	s.ctx, s.nest, s.floor, s.args = nil, nest{}, 0, [2]any{}
	if s.buf.Cap() > maxKeptBuffer {
		s.buf = live.Buffer{}
	} else {
		s.buf.Reset()
	}
}

// maxKeptBuffer keeps one huge page from staying in memory for ever.
const maxKeptBuffer = 1 << 20

// blockFunc is the function that stands for cache in the block b. A variadic one
// would do, but text/template calls those at a higher price.
func (s *state) blockFunc(b *boundBlock) any {
	if b.conditional {
		return func(cond any, args ...any) (bool, error) { return s.beginIf(b, cond, args) }
	}
	if !b.hasTTL {
		return func(ttl any, vary ...any) (bool, error) { return s.beginFor(b, ttl, vary) }
	}
	switch b.args {
	case 0:
		return func() bool { return orPanic(s.begin(b, b.ttl, nil)) }
	case 1:
		return func(v any) bool { return orPanic(s.begin(b, b.ttl, append(s.args[:0], v))) }
	case 2:
		return func(v, w any) bool { return orPanic(s.begin(b, b.ttl, append(s.args[:0], v, w))) }
	}
	return func(vary ...any) (bool, error) { return s.begin(b, b.ttl, vary) }
}

// orPanic hands an error to text/template in the form that costs nothing where there
// is none: it makes the same of a function that panics with an error and of one that
// returns it, and has to allocate a second result for every call.
func orPanic(render bool, err error) bool {
	if err != nil {
		panic(err)
	}
	return render
}

// beginIf is begin of a cacheIf. Where the condition does not hold the body is
// rendered as if it were no fragment.
func (s *state) beginIf(b *boundBlock, cond any, args []any) (bool, error) {
	if truth, _ := template.IsTrue(cond); !truth {
		return true, s.pushPlain(b.name)
	}
	if b.hasTTL {
		return s.begin(b, b.ttl, args)
	}
	return s.beginFor(b, args[0], args[1:])
}

// beginFor is begin with a time to live that the template computes.
func (s *state) beginFor(b *boundBlock, ttl any, vary []any) (bool, error) {
	d, err := parseTTL(ttl)
	if err != nil {
		return false, fmt.Errorf("cache %q: %w", b.name, err)
	}
	return s.begin(b, d, vary)
}

// begin reports whether the body is to be rendered. If not, it has written the
// stored bytes. It does not keep vary.
func (s *state) begin(b *boundBlock, ttl time.Duration, vary []any) (bool, error) {
	if ttl == 0 || s.set.frags == nil {
		return true, s.pushPlain(b.name)
	}
	text, err := s.open(b.id, ttl, vary)
	if err != nil || text.IsZero() {
		return err == nil, err
	}
	return false, s.buf.Splice(s.ctx, s.set.live, text)
}

// open looks a fragment up. If there is none it pushes a frame to record it in,
// and returns the zero text.
func (s *state) open(id *identity, ttl time.Duration, vary []any) (none live.Text, err error) {
	f := s.set.frags
	req, err := f.request(s.ctx, id, ttl, vary)
	if err != nil {
		return none, err
	}
	if text, found := f.quick(s.ctx, &req); found {
		return text, nil
	}
	rec, found := f.look(s.ctx, &req, &s.ahead)
	if found {
		return rec.Value.Text, nil
	}
	n := s.nestNow()
	n.depth = s.floor + len(s.frames)
	fl, shared, err := f.start(s.ctx, req, n, rec)
	if err != nil {
		return none, err
	}
	if fl == nil {
		return shared, nil
	}
	s.frames = append(s.frames, frame{fill: fl, start: s.buf.Mark(), ctx: s.ctx})
	s.ctx = fl.ctx
	return none, nil
}

// nestNow returns the nest of the render, made when it is first needed.
func (s *state) nestNow() nest {
	if s.nest.owner == nil {
		s.nest = nestOf(s.ctx)
	}
	return s.nest
}

// pushPlain opens a fragment that is only rendered.
func (s *state) pushPlain(name string) error {
	if s.floor+len(s.frames) >= maxDepth {
		return fmt.Errorf("%w: %q is inside %d others: does it contain itself?", ErrTooDeep, name, maxDepth)
	}
	s.frames = append(s.frames, frame{start: s.buf.Mark(), ctx: s.ctx})
	return nil
}

// end closes the innermost fragment. Its result goes into a variable that
// nobody reads.
func (s *state) end() string {
	fr := s.frames[len(s.frames)-1]
	s.frames[len(s.frames)-1] = frame{}
	s.frames = s.frames[:len(s.frames)-1]
	s.ctx = fr.ctx
	if fr.fill != nil {
		fr.fill.end(s.buf.Since(fr.start))
	}
	return ""
}
