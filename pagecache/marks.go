package pagecache

import "context"

// marks are what this package leaves in the context of a request, together, so
// that one look tells that there is nothing.
type marks struct {
	outer       *outer       // a page cache further out
	annotations *annotations // decorators further out
	renewal     *renewal     // the request refreshes a page
}

type marksKey struct{}

var noMarks marks

// marksOf are those of the context, not to be modified.
func marksOf(ctx context.Context) *marks {
	if m, ok := ctx.Value(marksKey{}).(*marks); ok {
		return m
	}
	return &noMarks
}

// mark returns a context with other marks.
func mark(ctx context.Context, edit func(*marks)) context.Context {
	m := *marksOf(ctx)
	edit(&m)
	return context.WithValue(ctx, marksKey{}, &m)
}
