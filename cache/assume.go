package cache

import "sync/atomic"

// Assumed stands for a reader who is not there, of whom only some values are known:
// what is made in the background for all who have these is made for it. The context
// holds it under [AssumedKey], from outside of whoever implements [Assumer]. It is
// safe for concurrent use.
type Assumed struct {
	pairs   []Pair
	refused atomic.Bool
}

// AssumedKey is the context key of an [*Assumed].
type AssumedKey struct{}

// Assume returns one with the pairs.
func Assume(pairs []Pair) *Assumed { return &Assumed{pairs: pairs} }

// Pair returns that of the name. It is not ok if nothing is known about it.
func (a *Assumed) Pair(name string) (pair Pair, ok bool) {
	for _, p := range a.pairs {
		if p.Name == name {
			return p, true
		}
	}
	return Pair{}, false
}

// Refuse says that more was asked of the reader than is known, or something was to
// be changed: nothing that was made for it may be kept.
func (a *Assumed) Refuse() { a.refused.Store(true) }

// Refused reports whether Refuse was called.
func (a *Assumed) Refused() bool { return a.refused.Load() }

// Assumer is a [Variants] that answers from the [Assumed] of a request that has one,
// and then neither reads nor changes anything of a real reader.
type Assumer interface {
	Variants
	// Assumes reports whether it does so for the name.
	Assumes(name string) bool
}
