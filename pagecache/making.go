package pagecache

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
)

// fields are the header fields of the answer as it was sent.
func (m *making) fields() http.Header {
	if m.rec.sent != nil {
		return m.rec.sent
	}
	return m.x.w.Header()
}

// gate decides, when the status is known, whether the answer goes to the client
// as it comes. Answers to the cache's own question, failures that a stale answer
// stands in for, and bodies that the client has already do not.
func (m *making) gate(status int) bool {
	x := m.x
	if m.asking && status == http.StatusNotModified || x.stale != nil && isFailure(status) && m.fits(nil) {
		return false
	}
	h := x.w.Header()
	if _, set := h["Content-Type"]; !set {
		h["Content-Type"] = nil // else net/http would guess one
	}
	if m.values.Shown() {
		live.Protect(h)
	}
	m.dismiss(h, status)
	h["Cache-Status"] = append(slices.Clip(h["Cache-Status"]), x.p.statusOfMiss(x.why, "", status))
	if !m.asking || status != http.StatusOK {
		return true
	}
	if now := precondition(x.r, first(h["Etag"]), first(h["Last-Modified"]), false); now != http.StatusOK {
		writeBare(x.w, h, now)
		x.sent = true
		return false
	}
	return true
}

// dismiss sees from the header alone that an answer will not be kept. Then its body
// is not collected, and nobody waits for its end.
func (m *making) dismiss(h http.Header, status int) {
	x := m.x
	a := &answer{request: x.r, status: status, header: h, arrived: x.p.cfg.Now()}
	why := refusedByControl(a, controlOf(h, a.arrived, true), x.route)
	if why == "" {
		why = refusedByHeader(a, x.route)
	}
	switch {
	case why != "":
	case !keepsStatus(status, x.route):
		why = ReasonStatus
	case isEventStream(h):
		why = ReasonStream
	default:
		return
	}
	m.rec.unwanted = true
	if final(why) && !isFailure(status) && !aboutRequest(status) {
		x.p.misses.remember(x.flightKey())
		x.p.flights.land(m.fl, nil, true)
	}
}

// finish sends the answer, if that has not been done. It returns an entry if all
// that is known by then allows to keep it, and else the reason.
func (m *making) finish() (*entry, Reason) {
	x, rec := m.x, &m.rec
	switch {
	case rec.gate == nil && rec.passes && rec.state.overflown:
		return nil, ReasonTooLarge
	case rec.gate == nil && rec.passes, rec.state.streamed:
		return nil, ReasonStream
	case !rec.state.wrote:
		return nil, ReasonError
	}
	// Also one that came too late for the wire: somebody meant it.
	cookie := len(x.w.Header()["Set-Cookie"]) > 0
	if rec.gate == nil {
		rec.restore()
		sniff(x.w.Header(), rec.status, rec.body)
	}
	h := m.fields()
	route := x.annotated()
	a := &answer{request: x.r, status: rec.status, header: h, body: rec.body, state: rec.state, url: x.target.url, asked: m.asked, arrived: m.arrived}
	punched := m.punch(a)
	span, why := storable(a, route)
	switch {
	case why == "" && cookie:
		why = ReasonSetCookie
	case why == "" && rec.unwanted:
		why = ReasonTooLarge
	case why == "":
		why = punched
	}
	if why == "" {
		why = scopeReason(m.scope)
	}
	var e *entry
	if why == "" {
		e = x.entryOf(a, replayable(rec.before, h, span.unkept, route.strict), span)
		e.render, e.changed = m.arrived.Sub(m.asked), m.changed
		e.endAt(m.scope.Deps().Expires)
		e.complete()
		why = ReasonStored
	}
	if rec.gate == nil {
		m.deliver(h, e, why)
	}
	return e, why
}

// scopeReason asks the scope, which sees the session through its source.
func scopeReason(scope *cache.Scope) Reason {
	switch {
	case scope.Deps().Private != "":
		return ReasonPrivateScope
	case scope.Refused() != "":
		return ReasonScope
	}
	return ""
}

// entryOf makes what is kept of an answer.
func (x *exchange) entryOf(a *answer, header http.Header, span lifespan) *entry {
	route := x.annotated()
	e := &entry{status: a.status, header: header, body: slices.Clip(a.kept()), born: a.arrived.Add(-a.age(route)), lifespan: span}
	if route.strict {
		return e
	}
	if a.live != nil {
		e.hollow(a.live)
	} else if e.status == http.StatusOK && first(e.header["Etag"]) == "" {
		e.texts[1], e.made = x.p.tags.of(e.header, e.body), true
		e.header["Etag"] = e.texts[1:]
	}
	addVary(e.header, route.vary)
	if reflectsOrigin(x.r, e.header) {
		addVary(e.header, []string{"Origin"})
	}
	if len(route.cookies) > 0 {
		addVary(e.header, []string{"Cookie"})
	}
	e.codable = e.live == nil && x.p.canCode(e)
	return e
}

// endAt lets an entry be fresh no longer than something that it is made of.
func (e *entry) endAt(at time.Time) {
	if !at.IsZero() {
		e.life = min(e.life, between(e.born, at))
	}
}

// deliver sends an answer that was held back. One that is kept gets what a hit
// would have: validator, Vary, and a Cache-Control that lets browsers keep the
// page but ask.
func (m *making) deliver(h http.Header, e *entry, why Reason) {
	x, rec := m.x, &m.rec
	if e != nil {
		if e.etag != "" {
			if h["Etag"] = e.header["Etag"]; len(h["Etag"]) > 1 || x.codedOutside() {
				h["Etag"] = []string{x.wireTag(e)}
			}
		}
		if len(e.vary) > 0 && len(h["Vary"]) == 0 {
			h["Vary"] = e.vary
		} else {
			addVary(h, e.vary)
		}
		x.browserControl(h, 0)
	}
	if m.live.Live() {
		live.Protect(h)
	}
	h["Cache-Status"] = x.p.statusLine(x.why, why, rec.status)
	if x.p.cfg.ServerTiming {
		h["Server-Timing"] = append(h["Server-Timing"], x.p.timingOfMiss(why, m.arrived.Sub(m.asked)))
	}
	s := sendable{status: rec.status, etag: first(h["Etag"]), lastModified: first(h["Last-Modified"]), body: rec.body, live: m.live.Live()}
	if bodyAllowed(rec.status) && (len(h["Content-Length"]) > 0 || len(h["Transfer-Encoding"]) > 0 || len(h["Trailer"]) > 0) {
		s.length = h["Content-Length"]
	} else if e != nil && e.live == nil {
		s.length = e.length
	} else if bodyAllowed(rec.status) {
		s.length = []string{lengthOf(rec.body)}
	}
	x.emit(h, s)
}

// sniff sets the type that net/http would guess, so that hits have it too.
func sniff(h http.Header, status int, body []byte) {
	if _, set := h["Content-Type"]; !set && len(body) > 0 && bodyAllowed(status) && len(h["Content-Encoding"]) == 0 {
		h["Content-Type"] = []string{http.DetectContentType(body)}
	}
}

// keep stores the entry after everything has been written: middleware outside
// may have added a cookie when the header went out, and the session may have
// been used since. It returns the entry if others may have it.
func (m *making) keep(e *entry, why Reason) (*entry, Reason) {
	x := m.x
	switch {
	case len(x.w.Header()["Set-Cookie"]) > 0:
		return nil, ReasonSetCookie
	case m.scope.Deps().Private != "":
		return nil, ReasonPrivateScope
	case refused(m.ctx):
		return nil, ReasonScope
	case m.ctx.Err() != nil:
		return nil, ReasonCancelled
	case x.outdated(e): // also softly: it was made from older data
		return nil, ReasonScope
	case x.why == ReasonHoles:
		return nil, ReasonHoles // there is one, which another visitor can have
	}
	e.pairs = byName(m.scope.Deps().Vary)
	if x.p.door != nil && x.target.junk && !x.p.door.again(x.target.url, x.p.cfg.Now(), cmp.Or(e.life, e.keep)) {
		return e, ReasonFirstRequest // who waits may have it; the store gets it next time
	}
	fields, _ := varyFields(e.header)
	fields = slices.DeleteFunc(fields, func(f string) bool {
		return f == "Cookie" && len(x.route.cookies) > 0 || slices.Contains(x.route.vary, f)
	})
	x.withStore(context.WithoutCancel(x.r.Context()), func(ctx context.Context) {
		e, why = x.put(ctx, m.scope, e, fields, why)
	})
	return e, why
}
