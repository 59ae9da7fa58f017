package pagecache

import (
	"context"
	"net/url"
)

// invalidate makes the pages of the URL of a request that changed something miss,
// and where the route says so those of Location and Content-Location, if they are
// of the same origin (RFC 9111, section 4.4). It goes on when the client has left: the change
// is made.
func (x *exchange) invalidate() {
	own := x.p.target(x.r, x.route).url
	urls := []string{own}
	if x.route.locations {
		for _, name := range [...]string{"Location", "Content-Location"} {
			if other := sameOrigin(own, first(x.w.Header()[name]), x.route); other != "" {
				urls = append(urls, other)
			}
		}
	}
	if x.p.local {
		for _, u := range urls {
			x.p.changed.add(u, false)
		}
		return
	}
	tags := make([]string, len(urls))
	for i, u := range urls {
		tags[i] = urlTag(u)
	}
	x.withStore(context.WithoutCancel(x.r.Context()), func(ctx context.Context) {
		if err := x.p.Purge(ctx, tags...); err != nil {
			x.p.cfg.Logger.ErrorContext(ctx, "pagecache: URL not invalidated after a change", "method", x.r.Method, "path", x.r.URL.Path, "error", err)
		}
	})
}

// sameOrigin returns the normalised URL that ref means, seen from base, if it is
// on the same host under the same scheme. Others' pages are not ours to
// invalidate.
func sameOrigin(base, ref string, route *Route) string {
	if ref == "" {
		return ""
	}
	from, err := url.Parse(base)
	if err != nil {
		return ""
	}
	to, err := from.Parse(ref)
	if err != nil || to.Scheme != from.Scheme || hostOf(to.Host, to.Scheme) != from.Host {
		return ""
	}
	q := splitQuery(to.RawQuery, route)
	return joinURL(to.Scheme, from.Host, to.EscapedPath(), q.key)
}
