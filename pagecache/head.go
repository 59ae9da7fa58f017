package pagecache

import (
	"net/http"
	"runtime/debug"
)

// head lets the handler answer HEAD. A stale GET answer stands in if the handler
// fails (RFC 5861, section 4). In the Strict profile what the handler says speaks
// of the stored answer too: it updates it, or shows that it is out of date (RFC
// 9111, section 4.3.5).
func (x *exchange) head() (err error) {
	if x.stale == nil {
		return x.bypass()
	}
	m := &making{x: x, asked: x.p.cfg.Now(), changed: x.p.changed.making(x.target.url)}
	w, r := m.headRequest()
	h := x.w.Header()
	h["Cache-Status"] = append(h["Cache-Status"], x.p.statusOfMiss(x.why, "", 0))
	m.rec.init(w, 0, func(status int) bool { return !isFailure(status) || !m.fits(nil) })
	returned := false
	defer func() {
		if returned || m.rec.passes || !m.fits(nil) {
			return
		}
		if p := recover(); p != nil {
			m.rec.discard()
			x.p.cfg.Logger.ErrorContext(m.ctx, "pagecache: handler panicked, the stale page was served", "path", x.r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			err = x.standIn()
		}
	}()
	err = x.next(&m.rec, r)
	returned = true
	m.arrived = x.p.cfg.Now()
	if (err != nil && !isAnswer(err) || isFailure(m.rec.status)) && !m.rec.passes && m.fits(err) {
		m.rec.discard()
		if err != nil {
			x.p.cfg.Logger.ErrorContext(m.ctx, "pagecache: handler failed, the stale page was served", "path", x.r.URL.Path, "error", err)
		}
		return x.standIn()
	}
	x.p.explain(x, x.why, "", m.rec.status, 0)
	if x.route.strict && err == nil && m.rec.status == http.StatusOK {
		m.learnFromHead()
	}
	return err
}

// headRequest is what the handler gets. Only in the Strict profile what it does is
// of importance to what is stored.
func (m *making) headRequest() (http.ResponseWriter, *http.Request) {
	x := m.x
	if !x.route.strict {
		w, r := x.protected(x.withOuter(x.r))
		m.ctx = r.Context()
		return w, x.p.visible(r, x.route, x.target)
	}
	x.ticket(x.r.Context())
	m.ctx, m.scope = x.p.records.Open(x.r.Context(), x.missed)
	m.scope.Tag(x.urlTags()...)
	m.scope.Tag(x.route.tags...)
	x.note = &m.note
	return x.w, x.r.WithContext(withOuter(m.ctx, x.note))
}

// learnFromHead freshens the stored answer, or drops it if it can no longer be what
// the handler would send.
func (m *making) learnFromHead() {
	x := m.x
	update := replayable(m.rec.before, m.fields(), "", true)
	length := first(m.fields()["Content-Length"])
	if !sameAnswer(x.stale, update, length) {
		x.drop()
		return
	}
	m.rec.state = recordState{wrote: true}
	if e, why := m.freshened(x.stale, update); why == "" {
		m.inherit()
		m.keep(e, ReasonFreshened)
	}
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
