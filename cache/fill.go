package cache

import "context"

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
