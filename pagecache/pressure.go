package pagecache

import (
	"context"
	"net/http"
	"time"
)

// Where the store does not answer, or handlers fail, requests that would be hits or
// would wait come to the handlers. Then only so many of one route run at once.

// holdOff is how long a handler that failed is left alone while there is a stale
// page to serve.
const holdOff = time.Second

// pressed reports whether the run is one that a failure causes.
func (x *exchange) pressed() bool {
	if x.leaderFailed || x.p.local {
		return x.leaderFailed
	}
	store, _ := x.p.cfg.Cache.Store().(interface{ Degraded() bool })
	return x.missed.Away() || x.found.Unverified || store != nil && store.Degraded()
}

// enter takes one of the places for handlers of the route if there is reason to
// count them, and waits for it. leave must be called if ok.
func (x *exchange) enter(ctx context.Context) (leave func(), ok bool) {
	if !x.pressed() || x.route.places == nil {
		return func() {}, true
	}
	leave = func() { <-x.route.places }
	select {
	case x.route.places <- struct{}{}:
		return leave, true
	default:
	}
	if x.canStandIn() {
		return nil, false
	}
	wait := time.NewTimer(x.p.cfg.WaitTimeout)
	defer wait.Stop()
	select {
	case x.route.places <- struct{}{}:
		return leave, true
	case <-wait.C:
	case <-ctx.Done():
	}
	return nil, false
}

// busy answers a request for which there is no place.
func (x *exchange) busy(fl *flight) error {
	x.p.flights.fail(fl)
	if x.canStandIn() {
		return x.replay(x.stale, ageOf(x.stale, x.p.cfg.Now()), ReasonStaleOnWait)
	}
	if err := x.r.Context().Err(); err != nil {
		return err
	}
	h := x.w.Header()
	h["Cache-Status"] = append(h["Cache-Status"], x.p.statusOfMiss(ReasonBusy, "", 0))
	h["Retry-After"], h["Cache-Control"], h["Content-Length"] = retrySoon, noStoreValue, zeroLength
	x.p.explain(x, ReasonBusy, "", http.StatusServiceUnavailable, 0)
	x.sent = true
	x.w.WriteHeader(http.StatusServiceUnavailable)
	return nil
}

var (
	retrySoon    = []string{"1"}
	noStoreValue = []string{"no-store"}
)

// canStandIn reports whether the stale page may be served because the handler
// fails.
func (x *exchange) canStandIn() bool {
	return x.stale != nil && rescues(x.stale, ageOf(x.stale, x.p.cfg.Now()), false, x.route.strict)
}
