package pagecache

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/echoic-go/echoic/cache"
)

// outer is the mark of a page cache around the handler. Decorators further in
// write on it how their pages are to be kept; the cache that is outermost keeps
// them, once.
type outer struct {
	mu     sync.Mutex
	routes []*Route
}

func withOuter(ctx context.Context, o *outer) context.Context {
	m := *marksOf(ctx)
	m.outer = o
	return &marked{ctx, m}
}

func outerOf(r *http.Request) *outer {
	return marksOf(r.Context()).outer
}

// withOuter marks a request that this cache lets through.
func (x *exchange) withOuter(r *http.Request) *http.Request {
	return r.WithContext(withOuter(r.Context(), new(outer)))
}

// annotate is Serve within another page cache. What that one has no place for in
// its key is not kept.
func (o *outer) annotate(p *Pages, w http.ResponseWriter, r *http.Request, route *Route, next Next) error {
	if !isRead(r.Method) {
		return next(w, r)
	}
	o.mu.Lock()
	o.routes = append(o.routes, route)
	o.mu.Unlock()
	scope := cache.ScopeOf(r.Context())
	scope.Tag(route.tags...)
	if len(route.cookies) > 0 || route.key != nil {
		scope.Unstorable("cookies or key parts of a decorator behind another page cache")
	}
	if hasCookie(r, route.allowCookies) {
		scope.Private("cookie")
	}
	q := splitQuery(r.URL.RawQuery, route)
	returned := false
	defer func() {
		if !returned { // a panic, which somebody in between may recover from
			scope.Unstorable("the handler panicked")
		}
	}()
	err := next(w, p.visible(r, route, target{seen: q.seen, cut: q.cut}))
	if returned = true; err != nil { // of which the outer cache does not hear
		scope.Unstorable("the handler returned an error")
	}
	return err
}

// annotated is the route with what decorators further in said about it.
func (x *exchange) annotated() *Route {
	if x.note == nil {
		return x.route
	}
	x.note.mu.Lock()
	defer x.note.mu.Unlock()
	if len(x.note.routes) == 0 {
		return x.route
	}
	route := *x.route
	for _, inner := range x.note.routes {
		route.ttl, route.browserTTL = inner.ttl, max(inner.browserTTL, route.browserTTL)
		route.byDefault = inner.byDefault
		route.whileRevalidate, route.ifError = inner.whileRevalidate, inner.ifError
		if inner.statusTTL != nil {
			route.statusTTL = inner.statusTTL
		}
		route.vary = slices.Concat(route.vary, inner.vary)
	}
	return &route
}
