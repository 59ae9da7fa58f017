package pagecache

import (
	"context"
	"net/http"
	"slices"

	"github.com/echoic-go/echoic/cache"
)

// canAsk reports whether the handler knows the validators of an entry.
func canAsk(e *entry) bool {
	return e.etag != "" && !e.made || first(e.header["Last-Modified"]) != ""
}

// asking is the request with the validators of an entry as its conditions
// instead of the client's (RFC 9111, section 4.3.1).
func asking(r *http.Request, e *entry) *http.Request {
	r = unconditionalClone(r)
	if e.etag != "" && !e.made {
		r.Header["If-None-Match"] = []string{e.etag}
	}
	if modified := first(e.header["Last-Modified"]); modified != "" {
		r.Header["If-Modified-Since"] = []string{modified}
	}
	return r
}

// unconditional takes the conditions off the request: the cache judges them
// itself, and a 304 of the handler would leave it with nothing to keep.
func unconditional(r *http.Request) *http.Request {
	if !anyPresent(r.Header, conditions[:]) {
		return r
	}
	return unconditionalClone(r)
}

func unconditionalClone(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	for _, name := range conditions {
		delete(r.Header, name)
	}
	return r
}

// freshen takes the handler's word that the stale answer is still right: the
// fields of the 304 replace the stored ones (RFC 9111, sections 3.2 and 4.3.4),
// and its time begins anew.
func (m *making) freshen() error {
	x := m.x
	update := replayable(m.rec.before, m.fields(), "", x.route.strict)
	if tag := first(update["Etag"]); tag != "" && !weaklySame(tag, x.stale.etag) && !isWeak(tag) {
		// It speaks of another answer than the one it was asked about.
		m.rec.discard()
		x.stale, x.why = nil, ReasonStale
		return x.run(m.fl)
	}
	e, why := m.freshened(x.stale, update)
	m.rec.discard()
	if why == "" {
		m.inherit()
		_, why = m.keep(e, ReasonFreshened)
	} else {
		x.drop()
	}
	m.outcome = outcomeOf(m.ifShared(e, why), why)
	x.p.flights.land(m.fl, m.ifShared(e, why), final(why))
	x.shown = e
	x.p.explain(x, x.why, why, e.status, 0)
	return x.send(e, why)
}

// ifShared is what those who wait may have.
func (m *making) ifShared(e *entry, why Reason) *entry {
	switch why {
	case ReasonFreshened, ReasonFirstRequest:
		return e
	}
	return nil
}

// send sends an entry that was made or confirmed just now.
func (x *exchange) send(e *entry, why Reason) error {
	return x.answer(e, ageOf(e, x.p.cfg.Now()), x.p.statusOfMiss(x.why, why, http.StatusNotModified), why)
}

func isWeak(tag string) bool { return len(tag) > 1 && tag[:2] == "W/" }

func weaklySame(a, b string) bool {
	if isWeak(a) {
		a = a[2:]
	}
	if isWeak(b) {
		b = b[2:]
	}
	return a == b
}

// freshened is the stored answer with the fields of a newer one about it. The
// reason says why it may not be kept any longer.
func (m *making) freshened(old *entry, update http.Header) (*entry, Reason) {
	x := m.x
	merged := merge(old.header, update)
	if age := update["Age"]; len(age) > 0 {
		merged["Age"] = age
	}
	a := &answer{request: x.r, status: old.status, header: merged, body: old.body, state: m.rec.state, url: x.target.url, asked: m.asked, arrived: m.arrived}
	a.state.streamed, a.state.overflown = false, false
	span, why := storable(a, x.annotated())
	if len(m.rec.Header()["Set-Cookie"]) > 0 {
		why = ReasonSetCookie
	}
	if why == "" {
		why = scopeReason(m.scope)
	}
	e := x.entryOf(a, merged, span)
	e.render, e.made, e.coded, e.changed = old.render, old.made, old.coded, m.changed
	return e.complete(), why
}

// inherit lets the answer depend on what the stored one did: its body is the same.
// After a soft purge the handler has vouched for it, under the tags of now.
func (m *making) inherit() {
	deps := m.x.found.Deps
	if m.x.found.Soft {
		deps.Tags = slices.Clone(deps.Tags)
		for i := range deps.Tags {
			deps.Tags[i].Token = cache.Token{}
		}
	}
	m.scope.Merge(deps)
}

// drop removes the stored answer that a newer one has put an end to.
func (x *exchange) drop() {
	x.withStore(context.WithoutCancel(x.r.Context()), func(ctx context.Context) {
		if _, err := x.p.records.Delete(ctx, x.at); err != nil {
			x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
		}
	})
}
