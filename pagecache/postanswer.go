package pagecache

import (
	"net/http"
)

// post lets the origin answer POST. An answer that says how long it is fresh and
// that it is what GET would give, by a Content-Location that names the URL of the
// request itself, is kept for GET (RFC 9110, section 9.3.3).
func (x *exchange) post(r *http.Request) error {
	if x.locate() != "" {
		return x.unsafe(x.w, r)
	}
	x.lookup() // for what was purged so far, and the variants
	if x.found.Value != nil {
		x.ticket(r.Context())
	}
	x.announce(r.Context())
	m := &making{x: x, asked: x.p.cfg.Now()}
	m.ctx, m.scope = x.p.records.Open(r.Context(), x.missed)
	m.rec.init(x.w, x.p.cfg.MaxBodyBytes, func(status int) bool {
		m.rec.unwanted = len(x.w.Header()["Content-Location"]) == 0
		if succeeded(status) {
			x.invalidate() // before the client knows
			m.changed = x.p.changed.making(x.target.url)
		}
		return true
	})
	if err := x.next(&m.rec, r.WithContext(m.ctx)); err != nil {
		return err
	}
	if m.rec.status == 0 && !m.rec.state.streamed {
		m.rec.WriteHeader(http.StatusOK) // as net/http would
	}
	m.arrived = x.p.cfg.Now()
	if !succeeded(m.rec.status) {
		return nil
	}
	where := sameOrigin(x.target.url, first(m.fields()["Content-Location"]), x.route)
	if m.rec.status != http.StatusOK || where != x.target.url || !controlOf(m.fields(), m.arrived, true).explicit {
		return nil
	}
	m.scope.Tag(x.urlTags()...)
	if e, why := m.finish(); e != nil {
		m.keep(e, why)
	}
	return nil
}
