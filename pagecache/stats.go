package pagecache

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/metrics"
)

// Outcome sorts what the cache did with requests.
type Outcome string

// The outcomes. Those of one request are exclusive.
const (
	OutcomeHit       Outcome = "hit"       // fresh, from the store
	OutcomeStale     Outcome = "stale"     // from the store, no longer fresh
	OutcomeCollapsed Outcome = "collapsed" // the answer to another request at the same time
	OutcomeMiss      Outcome = "miss"      // looked up, and made by the handler
	OutcomeBypass    Outcome = "bypass"    // not looked up
	OutcomeRefresh   Outcome = "refresh"   // no visitor's: made anew in the background
)

// Outcome sorts a reason as [Decision.Reason] has it.
func (why Reason) Outcome() Outcome {
	switch why {
	case ReasonHit:
		return OutcomeHit
	case ReasonRefresh, ReasonStaleOnError, ReasonStaleOnWait, ReasonUnverified:
		return OutcomeStale
	case ReasonShared:
		return OutcomeCollapsed
	case ReasonMethod, ReasonBody, ReasonOverride, ReasonSteered, ReasonUpgrade, ReasonHost, ReasonPath, ReasonQuery, ReasonTouched, ReasonCookie, ReasonMatch, ReasonOuter:
		return OutcomeBypass
	}
	return OutcomeMiss
}

// Stats are numbers since the Pages were made, and of this moment.
type Stats struct {
	RouteStats
	// Waiting is how many requests wait for another's answer now.
	Waiting int
	// Hit is the time that hits take, from one in 64 of them: a clock costs as
	// much as a hit.
	Hit metrics.Latency
	// Routes are at most 512 route templates, the busiest first; those beyond
	// are summed up under [OtherRoutes]. A template is what the router calls
	// Pattern, never a URL; it is empty where no router has said it.
	Routes []RouteStats
}

// OtherRoutes is the name under which routes are counted beyond the bound.
const OtherRoutes = "(other routes)"

// RouteStats are numbers of one route, or of all.
type RouteStats struct {
	Route string
	// Outcomes counts requests; without those of zero.
	Outcomes map[Outcome]uint64
	// Reasons counts why answers came from where they came, Kept what became
	// of the handler's answers; without those of zero.
	Reasons, Kept map[Reason]uint64
	// Handler is the time that the handler took.
	Handler metrics.Latency
}

// Requests is how many requests of visitors there were.
func (s RouteStats) Requests() (n uint64) {
	for outcome, count := range s.Outcomes {
		if outcome != OutcomeRefresh {
			n += count
		}
	}
	return n
}

// Tops are what came up most since the Pages were made: estimates in bounded
// memory, see [metrics.Top]. They name URLs of visitors: for operators only.
type Tops struct {
	// Hits are URLs by requests that the store answered, estimated from one in
	// 64 of them.
	Hits []metrics.Heavy
	// Cost are URLs by the microseconds that their handlers took.
	Cost []metrics.Heavy
	// Tags are tags by the pages that were stored with them.
	Tags []metrics.Heavy
}

const (
	maxRoutes = 512
	topSize   = 256
	sampled   = 64 // one in so many hits is timed, and named in Tops
)

// tallies count what a Pages does.
type tallies struct {
	routes           atomic.Pointer[map[string]*tally] // copied when one is added
	adding           sync.Mutex
	hit              metrics.Histogram
	hits, cost, tags *metrics.Top
}

// tally counts one route. Hits have a counter that many processors can add to.
type tally struct {
	hits    metrics.Counter
	reasons [len(reasons)]atomic.Uint64
	kept    [len(reasons)]atomic.Uint64
	refresh atomic.Uint64
	handler metrics.Histogram
}

func (t *tallies) init() {
	t.routes.Store(&map[string]*tally{})
	t.hits, t.cost, t.tags = metrics.NewTop(topSize), metrics.NewTop(topSize), metrics.NewTop(topSize)
}

// of returns the tally of a route; it does not allocate for one that is known.
func (t *tallies) of(route string) *tally {
	if known, ok := (*t.routes.Load())[route]; ok {
		return known
	}
	return t.add(route)
}

func (t *tallies) add(route string) *tally {
	t.adding.Lock()
	defer t.adding.Unlock()
	old := *t.routes.Load()
	if len(old) >= maxRoutes {
		route = OtherRoutes
	}
	if known, ok := old[route]; ok {
		return known
	}
	routes := make(map[string]*tally, len(old)+1)
	for name, known := range old {
		routes[name] = known
	}
	added := new(tally)
	routes[strings.Clone(route)] = added
	t.routes.Store(&routes)
	return added
}

// count counts one decision.
func (t *tallies) count(x *exchange, why, kept Reason) {
	route := t.of(x.r.Pattern)
	switch {
	case why == ReasonHit:
		route.hits.Add(1)
		if rand.Uint32()%sampled == 0 {
			t.hits.Add(x.target.url, sampled)
		}
		return
	case why == ReasonRefresh && kept != "":
		route.refresh.Add(1)
	default:
		route.reasons[indexOf(why)].Add(1)
	}
	if kept != "" {
		route.kept[indexOf(kept)].Add(1)
	}
}

// served counts a hit on a remembered place.
func (t *tallies) served(at *place, route string, sample bool) {
	known := at.tally
	if at.pattern != route {
		known = t.of(route)
	}
	known.hits.Add(1)
	if sample {
		t.hits.Add(at.target.url, sampled)
	}
}

// made counts a run of the handler.
func (t *tallies) made(x *exchange, took time.Duration) {
	t.of(x.r.Pattern).handler.Observe(took)
	if x.target.url != "" {
		t.cost.Add(x.target.url, uint64(max(took, 0)/time.Microsecond))
	}
}

// stored counts the tags of a page.
func (t *tallies) stored(tags []cache.TagToken) {
	for _, tag := range tags {
		if !strings.HasPrefix(tag.Name, urlPrefix) && !strings.HasPrefix(tag.Name, directoryPrefix) {
			t.tags.Add(tag.Name, 1)
		}
	}
}

// begin returns the time if this request is one of those that are timed.
func (t *tallies) begin() (start time.Time) {
	if rand.Uint32()%sampled == 0 {
		start = time.Now()
	}
	return start
}

// end times a hit that began at start; zero is none.
func (t *tallies) end(start time.Time, hit bool) {
	if hit && !start.IsZero() {
		t.hit.Observe(time.Since(start))
	}
}

// Stats returns the numbers. They are not of one instant.
func (p *Pages) Stats() Stats {
	s := Stats{Hit: p.tallies.hit.Snapshot(), Waiting: p.flights.waiting()}
	for name, t := range *p.tallies.routes.Load() {
		s.Routes = append(s.Routes, t.stats(name))
	}
	slices.SortFunc(s.Routes, func(a, b RouteStats) int {
		if m, n := a.Requests(), b.Requests(); m != n {
			if m > n {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Route, b.Route)
	})
	s.RouteStats = sumOf(s.Routes)
	return s
}

func (t *tally) stats(name string) RouteStats {
	s := RouteStats{Route: name, Outcomes: map[Outcome]uint64{}, Reasons: map[Reason]uint64{}, Kept: map[Reason]uint64{}, Handler: t.handler.Snapshot()}
	add := func(why Reason, n uint64) {
		if n > 0 {
			s.Reasons[why] += n
			s.Outcomes[why.Outcome()] += n
		}
	}
	add(ReasonHit, t.hits.Load())
	for i, why := range reasons {
		add(why, t.reasons[i].Load())
		if n := t.kept[i].Load(); n > 0 {
			s.Kept[why] = n
		}
	}
	if n := t.refresh.Load(); n > 0 {
		s.Outcomes[OutcomeRefresh] = n
	}
	return s
}

func sumOf(routes []RouteStats) RouteStats {
	sum := RouteStats{Outcomes: map[Outcome]uint64{}, Reasons: map[Reason]uint64{}, Kept: map[Reason]uint64{}}
	for _, r := range routes {
		for outcome, n := range r.Outcomes {
			sum.Outcomes[outcome] += n
		}
		for why, n := range r.Reasons {
			sum.Reasons[why] += n
		}
		for why, n := range r.Kept {
			sum.Kept[why] += n
		}
		sum.Handler = sum.Handler.Plus(r.Handler)
	}
	return sum
}

// Tops returns the n URLs and tags that came up most.
func (p *Pages) Tops(n int) Tops {
	t := &p.tallies
	return Tops{Hits: t.hits.List(n), Cost: t.cost.List(n), Tags: t.tags.List(n)}
}

// waiting is how many requests wait for another's answer.
func (f *flights) waiting() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fl := range f.m {
		n += fl.waiters
	}
	return n
}
