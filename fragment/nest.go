package fragment

import (
	"context"
	"fmt"

	"github.com/echoic-go/echoic/cache"
)

// nest is what the fragments of one render share. It travels in the context
// that bodies get, so that fragments of several engines can nest.
type nest struct {
	owner *owner
	depth int
	base  *cache.Scope // of the context that the render began with
}

type nestKey struct{}

// maxDepth bounds fragments inside fragments. The limit of text/template starts
// anew with every partial, and a Go stack that overflows ends the process.
const maxDepth = 200

// nestOf returns the render that ctx belongs to, or begins one.
func nestOf(ctx context.Context) nest {
	if n, ok := ctx.Value(nestKey{}).(*nest); ok {
		return *n
	}
	return nest{owner: new(owner), base: cache.ScopeOf(ctx)}
}

// deeper returns the context and the nest of a body.
func (n nest) deeper(ctx context.Context, name string) (context.Context, error) {
	if n.depth++; n.depth > maxDepth {
		return nil, fmt.Errorf("%w: %q is inside %d others: does it contain itself?", ErrTooDeep, name, maxDepth)
	}
	return context.WithValue(ctx, nestKey{}, &n), nil
}
