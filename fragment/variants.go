package fragment

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/echoic-go/echoic/cache"
)

// variants remembers by which values, of the session for example, the bodies of
// fragments were seen to vary: their present values belong in the key. After a
// restart the first render of a fragment teaches them again.
//
// A fragment that reads a further value only sometimes gets a key with all of
// them: more entries than needed, never a wrong one. The pairs are compared
// once more when a record is read.
type variants struct {
	some  atomic.Bool // most sites have none, and then pay nothing
	mu    sync.RWMutex
	names map[cache.Key][]string // by identity, sorted
}

const (
	maxVariantNames      = 8
	maxVariantIdentities = 4096
)

// choose completes the key of req by the reader's values.
func (v *variants) choose(ctx context.Context, req *request) {
	req.key = req.base
	if !v.some.Load() {
		return
	}
	v.mu.RLock()
	names := v.names[req.id.key]
	v.mu.RUnlock()
	if len(names) == 0 {
		return
	}
	pairs, ok := present(ctx, names)
	if !ok {
		req.alone = true
		return
	}
	var stack [128]byte
	b := stack[:0]
	for _, p := range pairs {
		b = appendFramed(b, p.Name)
		if p.Absent {
			b = append(b, '-')
		} else {
			b = appendFramed(append(b, '='), p.Value)
		}
	}
	req.key = req.base.With(string(b))
}

// learn notes that a body read these pairs, and reports whether the fragment
// can have variants by them.
func (v *variants) learn(id *identity, pairs []cache.Pair) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	old, known := v.names[id.key]
	names := slices.Clone(old)
	for _, p := range pairs {
		if !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	if len(names) > maxVariantNames || (!known && len(v.names) >= maxVariantIdentities) {
		return false
	}
	slices.Sort(names)
	v.names[id.key] = names
	v.some.Store(true)
	return true
}

// present asks for the reader's values. It is false where nobody can tell.
func present(ctx context.Context, names []string) ([]cache.Pair, bool) {
	source, ok := ctx.Value(cache.VariantsKey{}).(cache.Variants)
	if !ok {
		return nil, false
	}
	pairs := make([]cache.Pair, len(names))
	for i, name := range names {
		p, err := source.Variant(ctx, name)
		if err != nil {
			return nil, false
		}
		p.Name = name
		pairs[i] = p
	}
	return pairs, true
}

// suits reports whether what was made for the pairs is right for the reader.
func suits(ctx context.Context, pairs []cache.Pair) bool {
	if len(pairs) == 0 {
		return true
	}
	names := make([]string, len(pairs))
	for i, p := range pairs {
		names[i] = p.Name
	}
	now, ok := present(ctx, names)
	return ok && slices.Equal(now, pairs)
}
