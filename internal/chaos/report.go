package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Report is what a load has seen, by phase and class.
type Report struct {
	world *World
	late  atomic.Int64 // requests that were not sent: too many were under way

	mu     sync.Mutex
	phases []*phaseReport
	may    map[string]bool
	noisy  map[string]bool
	few    map[string]bool
	tight  bool
	rows   bool
}

type phaseReport struct {
	phase
	classes map[string]*classReport
	routes  map[string]*Spent
	details []string
}

type classReport struct {
	count [outcomes]int
	took  []time.Duration
}

// shownFailures is how many failures of a phase a report spells out.
const shownFailures = 8

func newReport(w *World) *Report {
	return &Report{world: w, may: map[string]bool{}, noisy: map[string]bool{}}
}

func (r *Report) add(p *phase, result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	into := r.phaseLocked(p)
	class := into.classes[result.Class]
	if class == nil {
		class = &classReport{}
		into.classes[result.Class] = class
	}
	class.count[result.Outcome]++
	if result.Outcome != Gone {
		class.took = append(class.took, result.Took)
	}
	if result.Detail != "" && len(into.details) < shownFailures {
		into.details = append(into.details, result.Class+" "+result.Detail)
	}
}

// spent adds what an app has measured.
func (r *Report) spent(p *phase, routes map[string]*Spent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	into := r.phaseLocked(p)
	for route, s := range routes {
		if into.routes[route] == nil {
			into.routes[route] = &Spent{}
		}
		into.routes[route].merge(s)
	}
}

func (r *Report) phaseLocked(p *phase) *phaseReport {
	for _, known := range r.phases {
		if known.name == p.name {
			return known
		}
	}
	fresh := &phaseReport{phase: *p, classes: map[string]*classReport{}, routes: map[string]*Spent{}}
	r.phases = append(r.phases, fresh)
	return fresh
}

// MayFail says that while something is broken, requests of these classes may be
// answered with 503: what needs the broken thing and cannot do without it. On a
// busy machine a few of them may at other times.
func (r *Report) MayFail(classes ...string) *Report {
	for _, class := range classes {
		r.may[class] = true
	}
	return r
}

// MayBeLate says that a few requests of these classes may be answered with 503 in
// any phase: a busy machine may keep them from their stores in time.
func (r *Report) MayBeLate(classes ...string) *Report {
	for _, class := range classes {
		r.noisy[class] = true
	}
	return r
}

// MayFailSeldom says that of the requests of these classes three, and one in ten of
// the others, may be answered with 503 in any phase: what is read from a database
// when Redis does not answer has what is left of the budget, 20 of 50 ms, which a
// busy machine uses up. On one that is not busy none is.
func (r *Report) MayFailSeldom(classes ...string) *Report {
	r.few = make(map[string]bool)
	for _, class := range classes {
		r.few[class] = true
	}
	return r
}

// Tight judges waits for stores as strictly as the budget allows. Every call of a
// request ends with it, after 50 ms: what waited for more than twice as long was kept
// waiting by the machine, three and one in a hundred may be; and none as long as a
// call without a budget would have been, the 250 ms of a socket timeout.
func (r *Report) Tight() *Report {
	r.tight = true
	return r
}

// WaitsForRows says that the database of the site's own rows is what breaks. A
// request that waits for the rows that another reads takes as long as the site waits
// for them, 3 s; and a login is six answers of the database, one after the other. What
// hangs takes longer than that, and two seconds.
func (r *Report) WaitsForRows() *Report {
	r.rows = true
	return r
}

// noise is how many requests of a class may find, in a phase in which all is well,
// that a busy machine has not let its store answer in time.
const noise = 3

// excused reports whether n answers of 503 are no failure.
func (r *Report) excused(p *phaseReport, class string, n int) bool {
	return r.may[class] && (p.fault || n <= noise) || r.noisy[class] && n <= noise ||
		r.few[class] && n <= noise+p.classes[class].total()/10
}

func (c *classReport) total() (n int) {
	for _, count := range c.count {
		n += count
	}
	return n
}

// Require logs the report, and fails the test for every answer that was wrong,
// and for every request that failed and may not.
func (r *Report) Require(t testing.TB) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	t.Log(r.text())
	requests := 0
	for _, p := range r.phases {
		for name, class := range p.classes {
			requests += class.total()
			if n := class.count[Failed]; n > 0 {
				t.Errorf("phase %s: %d requests of class %s failed", p.name, n, name)
			}
			if n := class.count[Unavailable]; n > 0 && !r.excused(p, name, n) {
				t.Errorf("phase %s: %d requests of class %s were answered with 503", p.name, n, name)
			}
		}
	}
	if requests == 0 {
		t.Error("no request was sent: nothing was tested")
	}
	r.requireQuick(t)
	count, first := r.world.Oracle.Violations()
	if count > 0 {
		t.Errorf("%d answers were wrong:\n%s", count, strings.Join(first, "\n"))
	}
}

// requireQuick fails the test if requests waited for stores beyond their budget,
// or hung. The time spent on stores is measured where it is spent. A busy machine
// adds to it: a few may be late, not one in twenty, as those would be that waited for
// a Redis that has stopped. A request may wait for what another makes; how long all took is in the report, and
// judged only where nothing explains it.
func (r *Report) requireQuick(t testing.TB) {
	t.Helper()
	for _, p := range r.phases {
		for route, s := range p.routes {
			part, longest := 20, longestStores
			if r.tight {
				part, longest = 100, longestTight
			}
			if s.Stores > noise+s.Count/part || s.LongestStores > longest {
				t.Errorf("phase %s: of %d requests for %s, %d waited for stores for more than %v; the longest %v", p.name, s.Count, route, s.Stores, 2*storeBudget, s.LongestStores)
			}
			hung, limit := s.Over2000, "2s"
			if r.rows {
				hung, limit = s.Over5000, "5s"
			}
			if hung > 0 {
				t.Errorf("phase %s: of %d requests for %s, %d took more than %s; the longest %v", p.name, s.Count, route, hung, limit, s.Longest)
			}
		}
	}
}

// longestStores is more than a budget and what a busy machine adds to it, and less
// than what a logout without one waited for a Redis that has stopped.
const longestStores = 800 * time.Millisecond

// longestTight is less than a socket timeout.
const longestTight = 240 * time.Millisecond

// text is the report as a table.
func (r *Report) text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "seed %d, %d requests not sent, stalest answer: rows %v, values %v\n", r.world.Seed, r.late.Load(),
		r.world.Oracle.Rows.Stalest().Round(time.Millisecond), r.world.Oracle.Values.Stalest().Round(time.Millisecond))
	fmt.Fprintf(&out, "%-12s%-8s%6s%6s%6s%6s%6s%6s%6s%10s%10s%10s\n", "phase", "class", "all", "ok", "miss", "lost", "503", "fail", "gone", "p50", "p99", "max")
	for _, p := range r.phases {
		for _, name := range slices.Sorted(maps.Keys(p.classes)) {
			p.classes[name].row(&out, p.name, name)
		}
		for _, route := range slices.Sorted(maps.Keys(p.routes)) {
			s := p.routes[route]
			fmt.Fprintf(&out, "    %-20s%6d waited for stores for up to %v\n", route, s.Count, s.LongestStores.Round(100*time.Microsecond))
			if s.Over50 == 0 {
				continue
			}
			fmt.Fprintf(&out, "    %-20s%6d handled, without their own rows over 50 ms: %d, 100 ms: %d, 250 ms: %d, 2 s: %d; longest %v\n",
				route, s.Count, s.Over50, s.Over100, s.Over250, s.Over2000, s.Longest.Round(100*time.Microsecond))
		}
		for _, detail := range p.details {
			fmt.Fprintf(&out, "    %s\n", detail)
		}
	}
	return out.String()
}

func (c *classReport) row(out *strings.Builder, phase, name string) {
	all := 0
	for _, n := range c.count {
		all += n
	}
	fmt.Fprintf(out, "%-12s%-8s%6d", phase, name, all)
	for _, n := range c.count {
		fmt.Fprintf(out, "%6d", n)
	}
	slices.Sort(c.took)
	for _, q := range []float64{0.5, 0.99, 1} {
		fmt.Fprintf(out, "%10v", quantile(c.took, q).Round(100*time.Microsecond))
	}
	out.WriteByte('\n')
}

// quantile returns the q-th part of sorted durations.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
