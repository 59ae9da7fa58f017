package pagecache

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// fetch lets one of the requests for the same page run the handler. Those that
// wait check again whether what came out is for them.
func (x *exchange) fetch() error {
	if x.stale != nil {
		x.ticket(x.r.Context())
	}
	key := x.flightKey()
	x.leaderFailed = x.p.failing.known(key)
	if x.alone() {
		return x.run(nil)
	}
	if x.stale == nil && x.p.misses.known(key) {
		x.why = ReasonUncacheable
		return x.run(nil)
	}
	if x.leaderFailed && x.canStandIn() {
		return x.standIn()
	}
	first := x.missed // later lookups may know less
	const handOvers = 2
	var deadline *time.Timer // for those who wait
	for range handOvers + 1 {
		if first.Away() || first.Spared() {
			if e := x.late(key, first); e != nil {
				return x.share(e)
			}
		}
		fl, leads := x.p.flights.join(key, x.missed.Moment(), x.p.cfg.MaxWaiters)
		if fl == nil {
			break
		}
		if leads {
			return x.lead(fl, first)
		}
		later := time.Since(fl.begun)
		if deadline == nil {
			deadline = time.NewTimer(x.p.cfg.WaitTimeout)
			defer deadline.Stop()
		}
		if landed, err := x.await(fl, deadline.C); !landed {
			return err
		}
		if fl.entry != nil && x.missed.Shares(fl.lookup, later) && x.suits(fl.entry) {
			return x.share(fl.entry)
		}
		// Before final: a 500 is no page that could be shared, and a failure too.
		if x.leaderFailed = x.leaderFailed || fl.failed; fl.failed && x.canStandIn() {
			return x.standIn()
		}
		if fl.final {
			break
		}
		if e := x.again(); e != nil { // for another variant, perhaps
			return x.replay(e, ageOf(e, x.p.cfg.Now()), ReasonHit)
		}
		key = x.flightKey()
	}
	return x.run(nil)
}

// await waits until a flight has landed. If the deadline or the client is sooner, the
// request ends with err.
func (x *exchange) await(fl *flight, deadline <-chan time.Time) (landed bool, err error) {
	select {
	case <-fl.done:
		return true, nil
	case <-deadline:
		x.p.flights.leave(fl)
		return false, x.tiredOfWaiting()
	case <-x.r.Context().Done():
		x.p.flights.leave(fl)
		return false, x.r.Context().Err()
	}
}

// alone reports a request whose answer nobody else may have, or that cannot be
// answered by one for somebody else.
func (x *exchange) alone() bool {
	h := x.r.Header
	switch {
	case len(h["Authorization"]) > 0, x.why == ReasonAuthRequired, x.why == ReasonRequest:
		return true
	case x.stale == nil && len(h["Range"]) > 0: // the handler's 206 is not the page
		return true
	case len(h["Cache-Control"]) > 0 && parseDirectives(h["Cache-Control"]).noStore: // it is not kept
		return true
	case x.stale == nil && x.route.strict: // nor is the origin's 304
		return anyPresent(h, conditions[:])
	}
	return false
}

// lead runs the handler for all who join the flight. first is the request's first
// lookup.
func (x *exchange) lead(fl *flight, first cache.Record[*entry]) error {
	if x.p.flights.ended.Load() != x.ended {
		if e := x.again(); e != nil {
			x.p.flights.land(fl, e, false)
			return x.replay(e, ageOf(e, x.p.cfg.Now()), ReasonHit)
		}
		if e := x.late(fl.key, first); e != nil {
			x.p.flights.land(fl, nil, false) // who waits looks by himself: it is not this flight's
			return x.share(e)
		}
	}
	if e := x.leadAll(); e != nil {
		x.p.flights.land(fl, e, false)
		return x.share(e)
	}
	return x.run(fl)
}

// share answers with what was made for another request meanwhile.
func (x *exchange) share(e *entry) error {
	if err := x.fill(e); err != nil {
		return x.unfilled(err)
	}
	age := ageOf(e, x.p.cfg.Now())
	x.shown = e
	x.p.explain(x, ReasonShared, "", e.status, age)
	return x.answer(e, age, x.p.statusOfMiss(x.why, ReasonShared, 0), ReasonShared)
}

// leadAll takes the lease of the page, which other servers respect, or returns
// what another server has stored meanwhile: it waits for that one's handler no
// longer than for one of this server.
func (x *exchange) leadAll() *entry {
	if x.p.local {
		return nil
	}
	x.budget()
	ctx, cancel := context.WithTimeout(x.r.Context(), x.p.cfg.WaitTimeout)
	defer cancel()
	good := func(rec cache.Record[*entry]) bool {
		if rec.Value.isIndex() {
			return true
		}
		use, _ := judge(rec.Value, ageOf(rec.Value, x.p.cfg.Now()), rec.Soft, x.asks, x.route.strict)
		return use != useAsk && !rec.Soft
	}
	lease, rec, found := x.p.records.Lead(ctx, x.at, x.missed, true, good)
	x.lease = lease
	if found {
		return x.again()
	}
	x.missed = rec
	return nil
}

// again looks the page up once more. What is found stale is remembered.
func (x *exchange) again() *entry {
	e := x.lookup()
	if e == nil {
		return nil
	}
	if use, _ := judge(e, ageOf(e, x.p.cfg.Now()), x.found.Soft, x.asks, x.route.strict); use == useAsk || x.found.Unverified || x.found.Soft {
		x.stale = e
		return nil
	}
	return e
}

// tiredOfWaiting serves what is stale rather than adding to the load on a handler
// that does not answer.
func (x *exchange) tiredOfWaiting() error {
	if x.stale != nil {
		if age := ageOf(x.stale, x.p.cfg.Now()); rescues(x.stale, age, false, x.route.strict) {
			return x.replay(x.stale, age, ReasonStaleOnWait)
		}
	}
	return x.run(nil)
}

// suits reports whether an entry that was made for another request, with the
// same key and the same known Vary fields, answers this one too: the answer may
// vary by fields that nobody knew of.
func (x *exchange) suits(e *entry) bool {
	if len(x.r.Header["Authorization"]) > 0 && !e.shared || x.outdated(e) || !suitsValues(x.r.Context(), e.pairs) {
		return false
	}
	fields, star := varyFields(e.header)
	if star {
		return false
	}
	known := x.knownFields()
	for _, f := range fields {
		if !(f == "Cookie" && len(x.route.cookies) > 0) && !contains(known, f) && !contains(x.route.vary, f) {
			return false
		}
	}
	return true
}

func (x *exchange) knownFields() []string {
	if x.index == nil {
		return nil
	}
	return x.index.fields
}

// flightKey separates what may differ: the variant as far as it is known, and
// visitors with a session from those without, so that one who is logged in
// never makes the others wait for a private page.
func (x *exchange) flightKey() string {
	session := "without "
	if hasCookie(x.r, x.p.cfg.SessionCookies) {
		session = "with "
	}
	if x.route.plain() && x.index == nil && x.target.plain() {
		return shortened(session + x.target.url)
	}
	return shortened(stringsOf(x.variantKey(x.knownFields()).With("session", session, stringsOf(x.valueVector()))))
}

// maxFlightKey is the longest key of a flight that is remembered as it is. Visitors
// can make them as long as a header may be.
const maxFlightKey = 512

// shortened is a key of bounded length for another one.
func shortened(key string) string {
	if len(key) <= maxFlightKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sum " + string(sum[:])
}

const (
	missMemoryTTL  = 5 * time.Second
	missMemorySize = 4096
)

// missMemory remembers pages whose last answer could not be kept, so that
// requests for them do not queue up behind each other (hit-for-miss).
type missMemory struct {
	now func() time.Time
	ttl time.Duration
	mu  sync.Mutex
	m   map[string]time.Time
}

func (m *missMemory) init(now func() time.Time, ttl time.Duration) { m.now, m.ttl = now, ttl }

func (m *missMemory) known(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	until, ok := m.m[key]
	if !ok {
		return false
	}
	left := until.Sub(m.now())
	if left > 0 && left <= m.ttl { // a clock that jumped back counts as over
		return true
	}
	delete(m.m, key)
	return false
}

func (m *missMemory) remember(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil {
		m.m = make(map[string]time.Time)
	}
	if len(m.m) >= missMemorySize {
		for old := range m.m { // any: the map is in random order
			delete(m.m, old)
			break
		}
	}
	m.m[key] = m.now().Add(m.ttl)
}
