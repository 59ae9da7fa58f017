package cache

import (
	"context"
	"sync/atomic"
)

type fillKey struct{}

// filling marks the context of a write that only repeats what the application's
// own data say: a loader's value, a page, a fragment. What a caller sets or
// deletes himself is not marked.
func filling(ctx context.Context) context.Context { return context.WithValue(ctx, fillKey{}, true) }

// IsFill reports whether a write to a store is made under a mark that says that
// it can be made again from the application's data at any time. A store that
// lives on a fallback need not tell others of it.
func IsFill(ctx context.Context) bool {
	fill, _ := ctx.Value(fillKey{}).(bool)
	return fill
}

// Witness learns whether calls of a store were answered by a fallback instead of
// the store that servers share. What a fallback says must not be held for what
// the shared store says, and what it was told the shared store has not heard.
type Witness struct {
	outer    *Witness
	fallback atomic.Bool
}

type witnessKey struct{}

// WithWitness returns a context whose calls the witness sees.
func WithWitness(ctx context.Context) (context.Context, *Witness) {
	outer, _ := ctx.Value(witnessKey{}).(*Witness)
	w := &Witness{outer: outer}
	return context.WithValue(ctx, witnessKey{}, w), w
}

// Fallback reports whether any call so far was answered by a fallback.
func (w *Witness) Fallback() bool { return w.fallback.Load() }

// FellBack reports whether a witness of ctx has seen an answer of a fallback. What
// follows from such an answer must not go to the shared store: the numbers of
// purges in the one mean nothing in the other.
func FellBack(ctx context.Context) bool {
	w, _ := ctx.Value(witnessKey{}).(*Witness)
	return w != nil && w.Fallback()
}

// AnsweredByFallback is what a store with a fallback says to all witnesses of
// ctx before it asks that one.
func AnsweredByFallback(ctx context.Context) {
	w, _ := ctx.Value(witnessKey{}).(*Witness)
	for ; w != nil; w = w.outer {
		w.fallback.Store(true)
	}
}

// degradable is a store that may live on a fallback.
type degradable interface {
	// Degraded reports whether it does at present.
	Degraded() bool
}

func degraded(s Store) bool {
	d, ok := s.(degradable)
	return ok && d.Degraded()
}
