package pagecache

import (
	"context"
	"slices"

	"github.com/echoic-go/echoic/cache"
)

// assume returns the reader for whom the stale page is made anew: one of whom just
// the values are known by which it varies; nil if it varies by none. It is not ok
// where nobody can stand in for him, or where the page was found a moment ago to
// read more: then it is made while a visitor waits.
func (x *exchange) assume(key string) (reader *cache.Assumed, ok bool) {
	pairs := x.found.Deps.Vary
	if len(pairs) == 0 {
		return nil, true
	}
	source, able := x.r.Context().Value(cache.VariantsKey{}).(cache.Assumer)
	if !able || x.p.unassumed.known(key) {
		return nil, false
	}
	for _, p := range pairs {
		if !source.Assumes(p.Name) {
			return nil, false
		}
	}
	return cache.Assume(slices.Clone(pairs)), true
}

// assuming returns a context for what is made for the reader.
func assuming(ctx context.Context, reader *cache.Assumed) context.Context {
	if reader == nil {
		return ctx
	}
	return context.WithValue(ctx, cache.AssumedKey{}, reader)
}

// refused reports whether what was made under ctx asked for more than is known of
// its reader.
func refused(ctx context.Context) bool {
	reader, _ := ctx.Value(cache.AssumedKey{}).(*cache.Assumed)
	return reader != nil && reader.Refused()
}
