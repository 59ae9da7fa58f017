package pagecache

import (
	"context"
	"net/http"
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

// head lets the handler answer HEAD. In the Strict profile the answer speaks of
// the stored GET answer too: it updates it, or shows that it is out of date (RFC
// 9111, section 4.3.5).
func (x *exchange) head() error {
	if !x.route.strict || x.stale == nil {
		return x.bypass()
	}
	x.ticket(x.r.Context())
	m := &making{x: x, asked: x.p.cfg.Now(), changed: x.p.changed.making(x.target.url)}
	m.ctx, m.scope = x.p.records.Open(x.r.Context(), x.missed)
	m.scope.Tag(x.urlTags()...)
	m.scope.Tag(x.route.tags...)
	x.w.Header()["Cache-Status"] = append(x.w.Header()["Cache-Status"], x.p.statusOfMiss(x.why, "", 0))
	m.rec.init(x.w, 0, func(int) bool { return true })
	x.note = &m.note
	err := x.next(&m.rec, x.r.WithContext(withOuter(m.ctx, x.note)))
	m.arrived = x.p.cfg.Now()
	if err != nil || m.rec.status != http.StatusOK {
		return err
	}
	update := replayable(m.rec.before, m.fields(), "", true)
	length := first(m.fields()["Content-Length"])
	if !sameAnswer(x.stale, update, length) {
		x.drop()
		return nil
	}
	m.rec.state = recordState{wrote: true}
	if e, why := m.freshened(x.stale, update); why == "" {
		m.inherit()
		m.keep(e, ReasonFreshened)
	}
	return nil
}

// sameAnswer reports whether an answer to HEAD can be about a stored answer:
// whatever both say of validators and length has to agree.
func sameAnswer(e *entry, update http.Header, length string) bool {
	for _, name := range [...]string{"Etag", "Last-Modified"} {
		if now := first(update[name]); now != "" && now != first(e.header[name]) {
			return false
		}
	}
	return length == "" || length == lengthOf(e.body)
}
