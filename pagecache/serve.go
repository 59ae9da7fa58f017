package pagecache

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// ErrDisconnected is what the error of a [Next] wraps if what makes the pages
// could not be reached at all. Then the Strict profile may serve stale answers
// that the origin did not forbid (RFC 9111, section 4.2.4).
var ErrDisconnected = errors.New("pagecache: the origin cannot be reached")

// Serve answers r from the cache, or from next, whose answer it keeps if it
// may. It returns next's error; the answer is then next's, or still missing.
// A failing store never fails a page.
func (p *Pages) Serve(w http.ResponseWriter, r *http.Request, route *Route, next Next) error {
	return p.ServeWithin(nil, w, r, route, next)
}

// ServeWithin is Serve for a request that came in through server. Refreshes in
// the background enter it again, with a request of their own; without a server
// there are none, and what is stale is made anew while its visitor waits.
func (p *Pages) ServeWithin(server http.Handler, w http.ResponseWriter, r *http.Request, route *Route, next Next) error {
	if p.ServeHit(w, r, route) {
		return nil
	}
	if outer := outerOf(r); outer != nil {
		return outer.annotate(p, w, r, route, next)
	}
	route = annotatedRoute(r, route)
	x := p.pool.Get().(*exchange)
	x.p, x.w, x.r, x.route, x.next, x.server = p, w, r, route, next, server
	start := p.tallies.begin()
	err := x.serve()
	p.tallies.end(start, x.hit)
	if x.idle && !x.known {
		*x = exchange{}
		p.pool.Put(x)
	}
	return err
}

// exchange is one request on its way through the phases.
type exchange struct {
	p      *Pages
	w      http.ResponseWriter
	r      *http.Request
	route  *Route
	next   Next
	server http.Handler

	asks   directives // what the request asks for; read in the Strict profile only
	scheme string
	target target
	key    cache.Key
	why    Reason               // why it is not served from the store
	found  cache.Record[*entry] // what the lookup found, fresh or stale
	at     cache.Key            // the key of found
	missed cache.Record[*entry] // the lookup that missed
	index  *entry               // the URL's list of variants, if it has one
	stale  *entry               // found, but not good enough as it is
	now    time.Time            // of the lookup
	note   *outer               // what decorators further in say
	lease  *cache.Lease         // what other servers respect while this request makes the page
	ended  uint64               // flights before the lookup
	idle   bool                 // done; not after a panic
	known  bool                 // to something that goes on in the background
	hit    bool                 // answered from the store, fresh

	placed       bool // target and key are remembered ones
	outerVaries  bool // middleware outside codes bodies
	sent         bool // the client has its answer
	leaderFailed bool // the request waited for a handler that failed

	filled *filled // what is found, with this visitor's values in its holes

	// For details of the decision.
	culprit *culprit     // nil in production
	scope   *cache.Scope // of what the handler made; nil in production
	shown   *entry       // what is served or stored
}

// serve goes through the phases.
func (x *exchange) serve() error {
	x.outerVaries = variesByCoding(x.w.Header()["Vary"])
	if x.why = x.p.admit(x.r, x.route); x.why != "" {
		return x.bypass()
	}
	if x.why = x.locate(); x.why != "" {
		return x.bypass()
	}
	if x.route.strict {
		x.asks = requestDirectives(x.r.Header["Cache-Control"], x.r.Header["Pragma"])
	}
	if renewal := refreshOf(x.r); renewal != nil && renewal.claim(x) {
		return x.run(renewal.fl)
	}
	if e := x.lookup(); e != nil {
		x.now = x.p.cfg.Now()
		age := ageOf(e, x.now)
		use, why := judge(e, age, x.found.Soft, x.asks, x.route.strict)
		if x.found.Unverified {
			if why = ReasonUnverified; rescues(e, age, false, x.route.strict) {
				return x.replay(e, age, why)
			}
			use = useAsk
		}
		if use == useStale && !x.refreshLater(e) {
			use = useAsk
		}
		switch use {
		case useFresh:
			x.idle, x.hit = true, true
			if (!x.placed || x.index != nil) && marksOf(x.r.Context()).annotations == nil {
				x.p.places.remember(x)
			}
			return x.replay(e, age, ReasonHit)
		case useStale:
			return x.replay(e, age, ReasonRefresh)
		}
		x.stale, x.why = e, why
	}
	return x.forward()
}

// forward asks the handler for what the store does not have.
func (x *exchange) forward() error {
	switch {
	case x.asks.onlyIfCached:
		return x.refuse()
	case x.r.Method == http.MethodHead:
		return x.head()
	}
	return x.fetch()
}

// refuse answers a client that wants a stored answer or none (RFC 9111, section
// 5.2.1.7).
func (x *exchange) refuse() error {
	h := x.w.Header()
	h["Cache-Status"] = append(h["Cache-Status"], x.p.statusOfMiss(ReasonOnlyIfCached, "", 0))
	h["Content-Length"] = zeroLength
	x.p.explain(x, ReasonOnlyIfCached, "", http.StatusGatewayTimeout, 0)
	x.w.WriteHeader(http.StatusGatewayTimeout)
	return nil
}

// bypass runs the handler without keeping anything. A method that is not known
// to be safe and succeeds invalidates its URL (RFC 9111, section 4.4).
func (x *exchange) bypass() error {
	h := x.w.Header()
	h["Cache-Status"] = append(h["Cache-Status"], x.p.statusOfMiss(x.why, "", 0))
	x.p.explain(x, x.why, "", 0, 0)
	w, r := x.protected(x.withOuter(x.r))
	if isRead(r.Method) {
		t := x.target
		if t.url == "" {
			t = target{seen: r.URL.RawQuery}
		}
		return x.next(w, x.p.visible(r, x.route, t))
	}
	switch {
	case isSafe(r.Method):
		return x.next(w, r)
	case x.route.strict && r.Method == http.MethodPost:
		return x.post(r)
	}
	return x.unsafe(w, r)
}

// unsafe runs the handler for a method that may change something. An origin has
// made the change when it answers, and its answer is passed on as it comes: a client
// that saw it would find the old page if that were not invalid by then. A handler
// of this process may write first and change afterwards.
func (x *exchange) unsafe(w http.ResponseWriter, r *http.Request) error {
	watch := &statusWriter{ResponseWriter: w}
	if x.route.strict {
		watch.known = func(status int) {
			if succeeded(status) {
				x.invalidate()
			}
		}
	}
	if err := x.next(watch, r); err != nil {
		return err
	}
	watch.learn(http.StatusOK) // what net/http sends if the handler has written nothing
	if !x.route.strict && succeeded(watch.status) {
		x.invalidate()
	}
	return nil
}

// succeeded reports a status after which what a request changed is invalid (RFC
// 9111, section 4.4).
func succeeded(status int) bool { return status >= 200 && status < 400 }

// withStore runs f under what is left of the request's budget for stores. What
// the handler asks stores for draws on the same one.
func (x *exchange) withStore(ctx context.Context, f func(ctx context.Context)) {
	if x.p.local {
		f(ctx)
		return
	}
	x.budget()
	ctx, done, ok := cache.Spend(cache.ShareBudget(ctx, x.r.Context()))
	defer done()
	if !ok { // nothing is left: the call fails at once
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		cancel()
	}
	f(ctx)
}

// budget gives the request one, if it has none yet.
func (x *exchange) budget() {
	if cache.BudgetOf(x.r.Context()) == nil {
		x.r = x.r.WithContext(cache.WithBudget(x.r.Context(), x.p.cfg.StoreBudget))
	}
}

func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }

func isSafe(method string) bool {
	return isRead(method) || method == http.MethodOptions || method == http.MethodTrace
}
