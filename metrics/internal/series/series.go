// Package series says which numbers of an application are exported, once for all
// monitoring systems.
package series

import (
	"github.com/echoic-go/echoic/console"
	"github.com/echoic-go/echoic/metrics"
)

// Kind is how a number behaves.
type Kind uint8

// The kinds.
const (
	Counter   Kind = iota // only grows while the process lives
	Gauge                 // is what it is
	Histogram             // of durations
)

// The units.
const (
	Seconds = "s"
	Bytes   = "By"
	None    = ""
)

// Family is a metric: its points differ in the values of its labels.
type Family struct {
	Name   string // in parts: page.requests
	Help   string
	Unit   string
	Kind   Kind
	Labels []string
	Points []Point
}

// Point is one series of a family.
type Point struct {
	Values  []string // of the labels
	Value   float64
	Latency metrics.Latency // of a histogram
}

// Of returns all families, also those that have no points now, in a fixed order. The
// number of points is bounded: by route templates (513), reasons, and servers.
func Of(o console.Overview, a console.Activity) []Family {
	var list []Family
	list = append(list, pages(o.Pages)...)
	list = append(list, routes(a.Routes)...)
	list = append(list, values(o)...)
	list = append(list, near(o.Near)...)
	list = append(list, stores(o.Stores)...)
	list = append(list, breaker(o.Breaker)...)
	list = append(list, journal(o.Journal)...)
	return append(list, rest(o)...)
}

func one(value float64, values ...string) Point { return Point{Value: value, Values: values} }

func timed(l console.Latency, values ...string) Point {
	return Point{Latency: l.Histogram, Values: values}
}

func flag(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// results makes points of numbers by their names, in pairs.
func results(pairs ...any) (points []Point) {
	for i := 0; i+1 < len(pairs); i += 2 {
		points = append(points, one(float64(pairs[i+1].(uint64)), pairs[i].(string)))
	}
	return points
}

func pages(p console.Pages) []Family {
	reasons := Family{"page.reasons", "Why answers came from where they came.", None, Counter, []string{"reason"}, nil}
	for why, n := range p.Reasons {
		reasons.Points = append(reasons.Points, one(float64(n), why))
	}
	kept := Family{"page.answers", "What became of the answers of handlers: stored, or why not.", None, Counter, []string{"reason"}, nil}
	for why, n := range p.Kept {
		kept.Points = append(kept.Points, one(float64(n), why))
	}
	return []Family{
		reasons, kept,
		{"page.handler", "Time that handlers of cached pages took.", Seconds, Histogram, nil, []Point{timed(p.Handler)}},
		{"page.hit", "Time that hits took, of one hit in 64.", Seconds, Histogram, nil, []Point{timed(p.Hit)}},
		{"page.waiting", "Requests that wait for another's answer.", None, Gauge, nil, []Point{one(float64(p.Waiting))}},
	}
}

func routes(list []console.Route) []Family {
	requests := Family{"page.requests", "Requests for pages by route template and outcome; refresh is no visitor's.", None, Counter, []string{"route", "outcome"}, nil}
	runs := Family{"route.handler.runs", "Runs of the handler by route template.", None, Counter, []string{"route"}, nil}
	took := Family{"route.handler.time", "Time that handlers took by route template.", Seconds, Counter, []string{"route"}, nil}
	for _, r := range list {
		for _, outcome := range []struct {
			name string
			n    uint64
		}{{"hit", r.Hits}, {"stale", r.Stale}, {"collapsed", r.Collapsed}, {"miss", r.Misses}, {"bypass", r.Bypassed}, {"refresh", r.Refreshes}} {
			if outcome.n > 0 {
				requests.Points = append(requests.Points, one(float64(outcome.n), r.Template, outcome.name))
			}
		}
		runs.Points = append(runs.Points, one(float64(r.Handler.Count), r.Template))
		took.Points = append(took.Points, one(r.Handler.Sum.Seconds(), r.Template))
	}
	return []Family{requests, runs, took}
}

func values(o console.Overview) []Family {
	v, f := o.Values, o.Fragments
	return []Family{
		{"cache.operations", "Reads and writes of values, fragments and pages by result.", None, Counter, []string{"result"}, results(
			"hit", v.Hits, "miss", v.Misses, "stale", v.Stale, "set", v.Sets, "error", v.Errors, "corrupt", v.Corrupt,
			"mismatch", v.Mismatch, "coalesced", v.Coalesced, "refused", v.Refused)},
		{"fragment.renders", "Fragments by result.", None, Counter, []string{"result"}, results(
			"hit", f.Hits, "stale", f.Stale, "miss", f.Misses, "coalesced", f.Coalesced, "stored", f.Stored,
			"private", f.Private, "refused", f.Refused, "failed", f.Failed, "error", f.Errors)},
	}
}

func near(n *console.Near) []Family {
	list := []Family{
		{"near.verified", "1 while changes by others arrive at the near tier.", None, Gauge, nil, nil},
		{"near.entries", "Entries in the near tier.", None, Gauge, nil, nil},
		{"near.size", "Memory of the near tier.", Bytes, Gauge, nil, nil},
		{"near.limit", "Memory that the near tier may take.", Bytes, Gauge, nil, nil},
		{"near.events", "What the near tier did.", None, Counter, []string{"event"}, nil},
	}
	if n != nil {
		for i, value := range []float64{flag(n.Verified), float64(n.Entries), float64(n.Bytes), float64(n.MaxBytes)} {
			list[i].Points = []Point{one(value)}
		}
		list[4].Points = results("hit", n.Hits, "miss", n.Misses, "invalidation", n.Invalidations, "eviction", n.Evictions, "dropped-all", n.Eras, "outrun", n.Outrun)
	}
	return list
}

func stores(all []console.Store) []Family {
	labels := []string{"role", "kind", "addr"}
	list := []Family{
		{"store.up", "1 if the store answers.", None, Gauge, labels, nil},
		{"store.entries", "Entries in the store, ours or not; counted up to a bound.", None, Gauge, labels, nil},
		{"store.size", "Memory of the store.", Bytes, Gauge, labels, nil},
		{"store.limit", "Memory that the store may take; absent without a limit.", Bytes, Gauge, labels, nil},
		{"store.evicted", "Entries that had to go to keep the bounds.", None, Counter, labels, nil},
		{"store.call", "Time that calls of the store took.", Seconds, Histogram, labels[:2], nil},
		{"store.errors", "Calls of the store that failed.", None, Counter, labels[:2], nil},
	}
	add := func(i int, p Point) { list[i].Points = append(list[i].Points, p) }
	seen := map[string]bool{}
	for _, s := range all {
		add(0, one(flag(s.OK), s.Role, s.Kind, s.Addr))
		if s.OK {
			add(1, one(float64(s.Entries), s.Role, s.Kind, s.Addr))
			add(4, one(float64(s.Evicted), s.Role, s.Kind, s.Addr))
		}
		if s.Bytes > 0 {
			add(2, one(float64(s.Bytes), s.Role, s.Kind, s.Addr))
		}
		if s.MaxBytes > 0 {
			add(3, one(float64(s.MaxBytes), s.Role, s.Kind, s.Addr))
		}
		// The servers of a Cluster share what this process knows of its calls.
		if name := s.Role + " " + s.Kind; !seen[name] {
			seen[name] = true
			add(5, timed(s.Calls, s.Role, s.Kind))
			add(6, one(float64(s.Errors), s.Role, s.Kind))
		}
	}
	return list
}

func breaker(b *console.Breaker) []Family {
	list := []Family{
		{"breaker.state", "1 for the state that the breaker is in.", None, Gauge, []string{"state"}, nil},
		{"breaker.opened", "How often the breaker opened.", None, Counter, nil, nil},
		{"breaker.calls", "Calls of the primary store and its fallback by what became of them.", None, Counter, []string{"result"}, nil},
		{"breaker.peers.degraded", "1 while another server lives on its fallback.", None, Gauge, nil, nil},
	}
	if b == nil {
		return list
	}
	for _, state := range []string{"closed", "open", "replaying"} {
		list[0].Points = append(list[0].Points, one(flag(b.State == state), state))
	}
	list[1].Points = []Point{one(float64(b.Opened))}
	list[2].Points = results("answered", uint64(b.Answered), "late", uint64(b.Late), "refused", uint64(b.Refused), "fallback", uint64(b.Fallback), "full", uint64(b.Full))
	list[3].Points = []Point{one(flag(b.PeersDegraded))}
	return list
}

func journal(j console.Journal) []Family {
	return []Family{
		{"journal.alive", "1 while invalidations arrive.", None, Gauge, nil, []Point{one(flag(j.Alive))}},
		{"journal.rows", "Rows in the journal, counted up to a bound.", None, Gauge, nil, []Point{one(float64(j.Length))}},
		{"journal.silence", "Time since the journal was last known to hold nothing new.", Seconds, Gauge, nil, []Point{one(j.Silence.Seconds())}},
		{"journal.delay", "Time from the writing of an invalidation to its arrival at this server.", Seconds, Histogram, nil, []Point{timed(j.Delay)}},
		{"journal.events", "What the journal did on this server.", None, Counter, []string{"event"}, results("delivered", j.Heard, "read", j.Reads, "failure", j.Failures, "pruned", j.Pruned)},
	}
}

func rest(o console.Overview) []Family {
	sessions := Family{"sessions", "Sessions in the store; an estimate where they are many.", None, Gauge, nil, nil}
	if o.Count != nil && o.Count.Problem == "" {
		sessions.Points = []Point{one(float64(o.Count.Sessions))}
	}
	decisions := Family{"limiter.decisions", "Decisions of rate limiters.", None, Counter, []string{"limiter", "result"}, nil}
	local := Family{"limiter.local", "1 while a limiter decides by itself, because its store is away.", None, Gauge, []string{"limiter"}, nil}
	for _, l := range o.Limiters {
		decisions.Points = append(decisions.Points, one(float64(l.Allowed), l.Name, "allowed"), one(float64(l.Refused), l.Name, "refused"), one(float64(l.Degraded), l.Name, "local"))
		local.Points = append(local.Points, one(flag(l.State == "local"), l.Name))
	}
	return []Family{sessions, decisions, local}
}
