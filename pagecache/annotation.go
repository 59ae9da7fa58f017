package pagecache

import (
	"net/http"
	"slices"
)

// Annotation is what a decorator outside of a page cache adds to the route of
// the one inside. Make it once, with [NewAnnotation].
type Annotation struct{ route Route }

// NewAnnotation makes an annotation of options. It panics as [Pages.Route] does.
func NewAnnotation(opts ...Option) *Annotation {
	a := new(Annotation)
	for _, opt := range opts {
		opt(&a.route)
	}
	a.route.sort()
	return a
}

// annotations are those of all decorators, the outermost last.
type annotations struct {
	*Annotation
	outer *annotations
}

// Annotate returns r with the annotation on it.
func (a *Annotation) Annotate(r *http.Request) *http.Request {
	return r.WithContext(mark(r.Context(), func(m *marks) { m.annotations = &annotations{a, m.annotations} }))
}

// annotatedRoute is the route with what decorators outside say.
func annotatedRoute(r *http.Request, route *Route) *Route {
	a := marksOf(r.Context()).annotations
	if a == nil {
		return route
	}
	both := *route
	for ; a != nil; a = a.outer {
		both.vary = slices.Concat(both.vary, a.route.vary)
		both.cookies = slices.Concat(both.cookies, a.route.cookies)
		both.tags = slices.Concat(both.tags, a.route.tags)
	}
	both.sort()
	return &both
}
