package pagecache

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
)

// making is one run of the handler.
type making struct {
	x       *exchange
	fl      *flight // who waits for it; nil if nobody can
	rec     recorder
	note    outer
	scope   *cache.Scope
	ctx     context.Context // the handler's
	asking  bool            // the request asks whether the stale answer is still right
	asked   time.Time
	arrived time.Time
	denied  bool            // the handler returned an error that is an answer
	changed seen            // changes of the URL before the handler ran
	outcome cache.Outcome   // for other servers that wait
	live    *live.Recording // of holes; nil if there can be none
	values  *live.Values    // of holes that are sent, but never kept
}

// run lets the handler answer and keeps the answer if it may. What can be
// shared goes to the requests that wait for the flight. Where the handler fails
// and a stale answer is at hand that may stand in, that is served.
func (x *exchange) run(fl *flight) (err error) {
	m := &making{x: x, fl: fl}
	ctx, release := x.p.flights.detach(x.r.Context(), fl)
	defer release()
	defer func() { x.lease.Done(ctx, m.outcome) }()
	leave, ok := x.enter(ctx)
	if !ok {
		return x.busy(fl)
	}
	defer leave()
	m.begin(ctx)
	returned := false
	defer func() {
		if returned {
			return
		}
		// A panic: nothing half-made goes out or stays.
		m.rec.discard()
		m.failing()
		x.p.flights.fail(fl)
		if m.standsIn(nil) {
			if p := recover(); p != nil {
				x.p.cfg.Logger.ErrorContext(ctx, "pagecache: handler panicked, the stale page was served", "path", x.r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				err = x.standIn()
			}
		}
	}()
	err = x.next(&m.rec, m.request())
	returned = true
	m.arrived = x.p.cfg.Now()
	x.p.tallies.made(x, m.arrived.Sub(m.asked))
	m.rec.state.failed, m.denied = err != nil, err != nil && isAnswer(err)
	m.rec.state.cancelled = ctx.Err() != nil
	err = m.settle(err)
	x.idle = m.rec.gate == nil // what a handler left running may still call the gate
	return err
}

// failing remembers that the handler failed, before anybody is told: those who
// come now do not put it to work again at once.
func (m *making) failing() {
	m.x.p.failing.remember(m.x.flightKey())
	if m.fl != nil && refreshOf(m.x.r) != nil {
		m.x.p.broken.remember(m.fl.key)
	}
}

// begin opens the scope, and puts on the response what has to be there already
// for streams and error pages.
func (m *making) begin(ctx context.Context) {
	x := m.x
	h := x.w.Header()
	if !x.route.strict {
		if line := x.p.statusLine(x.why, "", 0); len(h["Cache-Status"]) == 0 {
			h["Cache-Status"] = line
		} else {
			h["Cache-Status"] = append(h["Cache-Status"], line...)
		}
	}
	var gate func(int) bool
	if x.route.strict {
		gate = m.gate
	}
	m.rec.init(x.w, x.p.cfg.MaxBodyBytes, gate)
	x.culprit = x.p.newCulprit(h)
	m.rec.culprit = x.culprit
	m.ctx, m.scope = x.p.records.Open(ctx, x.missed)
	if x.culprit != nil {
		m.ctx, x.scope = x.culprit.watch(m.ctx, m.scope), m.scope
	}
	m.record()
	x.announce(ctx)
	m.scope.Tag(x.urlTags()...)
	m.scope.Tag(x.route.tags...)
	m.changed = x.p.changed.making(x.target.url)
	m.asked = x.p.cfg.Now()
}

// request is what the handler sees.
func (m *making) request() *http.Request {
	x := m.x
	x.note = &m.note
	r := x.p.visible(x.r.WithContext(withOuter(m.ctx, x.note)), x.route, x.target)
	if e := x.stale; e != nil && canAsk(e) && len(r.Header["Range"]) == 0 {
		m.asking = true
		return asking(r, e)
	}
	if x.route.strict || len(r.Header["Range"]) > 0 {
		return r // as it came: what is not stored is for the handler to judge
	}
	return unconditional(r)
}

// settle decides what becomes of the answer.
func (m *making) settle(err error) error {
	x := m.x
	switch {
	case m.standsIn(err):
		m.failing()
		x.p.flights.fail(m.fl)
		if err != nil {
			x.p.cfg.Logger.ErrorContext(m.ctx, "pagecache: handler failed, the stale page was served", "path", x.r.URL.Path, "error", err)
		}
		m.rec.discard()
		return x.standIn()
	case m.asking && m.rec.status == http.StatusNotModified && err == nil:
		return m.freshen()
	}
	if failed := err != nil && !m.denied; failed || isFailure(m.rec.status) {
		m.failing()
		x.p.flights.failing(m.fl)
	}
	e, why := m.finish()
	if e != nil {
		e, why = m.keep(e, why)
	}
	m.outcome = outcomeOf(e, why)
	if m.fl != nil {
		m.fl.made, m.fl.kept = true, m.outcome == cache.FillStored || why == ReasonStoreFailed
	}
	alone := final(why) && !aboutRequest(m.rec.status)
	x.p.flights.land(m.fl, e, alone)
	if e == nil && alone {
		x.p.misses.remember(x.flightKey())
	}
	if e == nil && m.replaces() {
		x.drop()
	}
	x.shown = e
	x.p.explain(x, x.why, why, m.rec.status, 0)
	return err
}

// final reports whether a refusal lies in the page, so that others need not wait
// for its answer next time.
func final(why Reason) bool {
	switch why {
	case ReasonStored, ReasonFreshened, ReasonFirstRequest, ReasonStoreFailed, ReasonError, ReasonCancelled, ReasonNoStoreAsked, ReasonAuthorization, ReasonScope, "":
		return false
	}
	return true
}

// aboutRequest reports a status that finds fault with the request, or answers a part
// of it: it says nothing about what others get of the page, and one visitor who asks
// in an odd way does not make all of them run the handler.
func aboutRequest(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusUnavailableForLegalReasons:
		return false
	}
	return status == http.StatusPartialContent || status >= 400 && status < 500
}

// outcomeOf is what other servers make of it: those that wait look for the page
// only if it was stored, and do not queue up for one that never is.
func outcomeOf(e *entry, why Reason) cache.Outcome {
	switch {
	case e != nil && (why == ReasonStored || why == ReasonFreshened):
		return cache.FillStored
	case e != nil, final(why):
		return cache.FillAlone
	}
	return cache.FillFailed
}

// replaces reports whether the new answer, although it is not kept, is the end
// of the stored one.
func (m *making) replaces() bool {
	if m.x.stale == nil || m.rec.state.cancelled || refused(m.ctx) {
		return false
	}
	return m.denied || m.rec.state.wrote && !m.rec.state.failed && m.rec.status < 500 && m.rec.status != http.StatusNotModified
}

// standsIn reports whether the handler failed in a way that a stale answer may
// stand in for, and nothing has been sent yet.
func (m *making) standsIn(err error) bool {
	x := m.x
	if x.stale == nil || m.rec.passes || x.sent {
		return false
	}
	failed := err != nil && !isAnswer(err) || err == nil && !m.rec.state.wrote || isFailure(m.rec.status)
	return failed && m.fits(err)
}

// isAnswer reports an error that says for itself that it is no failure but an
// answer, such as 404: see [Next].
func isAnswer(err error) bool {
	var answer interface{ StatusCode() int }
	return errors.As(err, &answer) && !isFailure(answer.StatusCode())
}

func (m *making) fits(err error) bool {
	x := m.x
	return rescues(x.stale, ageOf(x.stale, x.p.cfg.Now()), errors.Is(err, ErrDisconnected), x.route.strict)
}

// isFailure reports the statuses that RFC 5861, section 4, calls an error.
func isFailure(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// standIn serves the stale answer.
func (x *exchange) standIn() error {
	return x.replay(x.stale, ageOf(x.stale, x.p.cfg.Now()), ReasonStaleOnError)
}
