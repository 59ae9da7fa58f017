package pagecache

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// flights lets requests for one page that is not there wait for one answer.
type flights struct {
	mu sync.Mutex
	m  map[string]*flight
	// ended counts flights. Who finds it changed since before his lookup looks
	// again before he leads: the page may have been stored in between.
	ended atomic.Uint64
}

// flight is one answer being made.
type flight struct {
	key     string
	done    chan struct{}
	waiters int                  // guarded by flights.mu
	lookup  cache.Record[*entry] // the leader's, which missed

	// Written before done is closed.
	entry *entry // what everybody may have, or nil
	final bool   // the page is of the kind that cannot be shared
}

// join returns the flight for key; who created it leads. A nil flight means
// that too many wait already.
func (f *flights) join(key string, lookup cache.Record[*entry], limit int) (fl *flight, leads bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl = f.m[key]; fl != nil {
		if fl.waiters >= limit {
			return nil, false
		}
		fl.waiters++
		return fl, false
	}
	if f.m == nil {
		f.m = make(map[string]*flight)
	}
	fl = &flight{key: key, lookup: lookup, done: make(chan struct{})}
	f.m[key] = fl
	return fl, true
}

// land ends a flight. A nil flight is a request that nobody waits for.
func (f *flights) land(fl *flight, e *entry, final bool) {
	if fl == nil {
		return
	}
	fl.entry, fl.final = e, final
	f.mu.Lock()
	f.ended.Add(1)
	delete(f.m, fl.key)
	f.mu.Unlock()
	close(fl.done)
}

// fetch lets one of the requests for the same page run the handler. Those that
// wait check again whether what came out is for them.
func (x *exchange) fetch() error {
	if len(x.r.Header["Authorization"]) > 0 || x.why == ReasonAuthRequired {
		return x.run(nil)
	}
	key := x.flightKey()
	if x.p.misses.known(key) {
		x.why = ReasonUncacheable
		return x.run(nil)
	}
	const handOvers = 2
	deadline := time.NewTimer(x.p.cfg.WaitTimeout)
	defer deadline.Stop()
	for range handOvers + 1 {
		fl, leads := x.p.flights.join(key, x.missed, x.p.cfg.MaxWaiters)
		if fl == nil {
			break
		}
		if leads {
			if x.p.flights.ended.Load() != x.ended {
				if e := x.lookup(); e != nil {
					x.p.flights.land(fl, e, false)
					return x.replay(e)
				}
			}
			return x.run(fl)
		}
		select {
		case <-fl.done:
		case <-deadline.C:
			return x.run(nil)
		case <-x.r.Context().Done():
			return x.r.Context().Err()
		}
		if fl.entry != nil && !x.missed.After(fl.lookup) && x.suits(fl.entry) {
			return x.replay(fl.entry)
		}
		if fl.final {
			break
		}
		if e := x.lookup(); e != nil { // for another variant, perhaps
			return x.replay(e)
		}
		key = x.flightKey()
	}
	return x.run(nil)
}

// suits reports whether an entry that was made for another request, with the
// same key and the same known Vary fields, answers this one too: the answer may
// vary by fields that nobody knew of.
func (x *exchange) suits(e *entry) bool {
	if len(x.r.Header["Authorization"]) > 0 && !e.shared {
		return false
	}
	fields, star := varyFields(e.header)
	if star {
		return false
	}
	known := x.knownFields()
	for _, f := range fields {
		if f != "Cookie" && !contains(known, f) && !contains(x.route.vary, f) {
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
	session := "without"
	if hasCookie(x.r, x.p.cfg.SessionCookies) {
		session = "with"
	}
	return stringsOf(variantKey(x.key, x.knownFields(), x.r.Header).With("session", session))
}

const (
	missMemoryTTL  = 5 * time.Second
	missMemorySize = 4096
)

// missMemory remembers pages whose last answer could not be kept, so that
// requests for them do not queue up behind each other (hit-for-miss).
type missMemory struct {
	now func() time.Time
	mu  sync.Mutex
	m   map[string]time.Time
}

func (m *missMemory) known(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	until, ok := m.m[key]
	if !ok {
		return false
	}
	left := until.Sub(m.now())
	if left > 0 && left <= missMemoryTTL { // a clock that jumped back counts as over
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
	m.m[key] = m.now().Add(missMemoryTTL)
}
