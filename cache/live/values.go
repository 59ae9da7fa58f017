package live

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/echoic-go/echoic/cache"
)

// Values are those of one answer: a hole that is used twice, in the header and in
// the body for example, has one value.
type Values struct {
	set   *Set
	shown atomic.Bool
	blank bool // the answer is for nobody: no function is asked

	mu   sync.Mutex
	have map[string]*result
}

// result is one value. It is asked for by one at a time; an error is not kept.
type result struct {
	mu    sync.Mutex
	known bool
	value string
}

type valuesKey struct{ set *Set }

type insideKey struct{}

type requestKey struct{}

// WithValues returns a context for one answer, ctx itself if it is one already.
func (s *Set) WithValues(ctx context.Context) (context.Context, *Values) {
	if v := s.valuesOf(ctx); v != nil {
		return ctx, v
	}
	v := &Values{set: s}
	return context.WithValue(ctx, valuesKey{s}, v), v
}

func (s *Set) valuesOf(ctx context.Context) *Values {
	v, _ := ctx.Value(valuesKey{s}).(*Values)
	return v
}

// Shown reports whether a body was written with a hole in it.
func (v *Values) Shown() bool { return v != nil && v.shown.Load() }

// WithRequest returns a context for holes' functions that knows the visitor's
// request.
func WithRequest(ctx context.Context, r *http.Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// Request returns the visitor's request as it came in, with the cookies that the
// handlers of cached pages do not see; nil if no page cache is around. It is for
// the functions of holes and must not be changed.
func Request(ctx context.Context) *http.Request {
	r, _ := ctx.Value(requestKey{}).(*http.Request)
	return r
}

// Value returns the value of a hole for the visitor of ctx, fit for the places
// where its kind may stand. An error is a *ValueError.
func (s *Set) Value(ctx context.Context, name string) (string, error) {
	h := s.hole(name)
	if h == nil {
		return "", &ValueError{name, ErrUnknown}
	}
	if ctx.Value(insideKey{}) != nil {
		return "", &ValueError{name, ErrNested}
	}
	v := s.valuesOf(ctx)
	switch {
	case v == nil:
		return s.ask(ctx, name, h)
	case v.blank:
		return "", nil
	}
	r := v.of(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known {
		return r.value, nil
	}
	value, err := s.ask(ctx, name, h)
	if err == nil {
		r.value, r.known = value, true
	}
	return value, err
}

func (v *Values) of(name string) *result {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.have == nil {
		v.have = map[string]*result{}
	}
	r := v.have[name]
	if r == nil {
		r = new(result)
		v.have[name] = r
	}
	return r
}

// ask calls the function, under nobody's scope. It runs in the goroutine of the
// request, and not in one that could be left behind when it is late: what it
// works with, an echo.Context for example, belongs to another request then.
func (s *Set) ask(ctx context.Context, name string, h *hole) (value string, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			cause, ok := p.(error)
			if !ok {
				cause = fmt.Errorf("%v", p)
			}
			value, err = "", &ValueError{name, fmt.Errorf("panic: %w", cause)}
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithValue(cache.Apart(ctx), insideKey{}, true), s.timeout)
	defer cancel()
	value, err = h.call(ctx)
	switch {
	case err == nil && ctx.Err() != nil:
		err = ctx.Err() // what it returns then is worth nothing
	case err == nil && len(value) > maxHTML:
		err = fmt.Errorf("the value has %d bytes, at most %d are allowed", len(value), maxHTML)
	}
	if err != nil {
		return "", &ValueError{name, err}
	}
	return value, nil
}
