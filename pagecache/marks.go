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

// marked is a context with marks in one piece: one is made for every page.
type marked struct {
	context.Context
	marks marks
}

// Value implements context.Context.
func (c *marked) Value(key any) any {
	if _, ok := key.(marksKey); ok {
		return &c.marks
	}
	return c.Context.Value(key)
}

// mark returns a context with other marks.
func mark(ctx context.Context, edit func(*marks)) context.Context {
	m := *marksOf(ctx)
	edit(&m)
	return &marked{ctx, m}
}
