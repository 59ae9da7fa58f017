package cache

import "context"

// ApartSource is a [Source] that can be read without telling anybody: what is
// read under the context that Apart returns counts for scopes that are opened
// under it, and for no others.
type ApartSource interface {
	Apart(ctx context.Context) context.Context
}

// Apart returns a context for work whose result is part of nothing that is being
// made under ctx, although it is made at the same time: no open scope learns of
// what it reads. What it caches itself has scopes of its own, as ever.
func Apart(ctx context.Context) context.Context {
	if src, ok := ctx.Value(SourceKey{}).(ApartSource); ok {
		ctx = src.Apart(ctx)
	}
	return WithScope(ctx, nil)
}
