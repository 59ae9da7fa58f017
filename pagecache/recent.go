package pagecache

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// Decision is what the cache did with one request, and why.
type Decision struct {
	Time   time.Time
	Method string
	Host   string
	Path   string
	Query  string
	// Route is the pattern of the route, where the router says it.
	Route string
	// Reason is why the answer came from where it came.
	Reason Reason
	// Kept is what became of the handler's answer; empty if it was not asked.
	Kept Reason
	// Status is that of the stored or made answer; 0 if it passed by unseen.
	Status int
	// Age is that of the stored answer.
	Age time.Duration
	// Tier is where the answer came from: "memory", "near" (what this process
	// holds of a store outside), "store" or "handler".
	Tier string
	// Details are there in development only, else nil. They must not be modified.
	Details *Details
}

// recent is the ring of the last decisions.
type recent struct {
	mu   sync.Mutex
	ring []Decision
	next int
}

func (r *recent) init(size int) { r.ring = make([]Decision, size) }

// explain notes a decision.
func (p *Pages) explain(x *exchange, why, kept Reason, status int, age time.Duration) {
	p.tallies.count(x, why, kept)
	d := Decision{Time: x.now, Reason: why, Kept: kept, Status: status, Age: age, Tier: p.tierOf(why, x.found.Near)}
	if d.Time.IsZero() || why != ReasonHit {
		d.Time = p.cfg.Now()
	}
	if p.cfg.Development {
		x.culprit.look(x.w.Header())
		d.Details = p.details(x.r, kept, x.evidence(kept))
	}
	p.note(x.r, &d)
}

// note keeps a decision about a request. Of plain hits that come at the same instant
// not all are kept: they do not wait for each other.
func (p *Pages) note(r *http.Request, d *Decision) {
	d.Method, d.Host, d.Path, d.Query, d.Route = noted(r.Method), noted(r.Host), noted(r.URL.Path), noted(r.URL.RawQuery), r.Pattern
	if p.cfg.Development {
		p.tell(r, *d)
	}
	ring := &p.recent
	if len(ring.ring) == 0 {
		return
	}
	if d.Reason != ReasonHit {
		ring.mu.Lock()
	} else if !ring.mu.TryLock() {
		return
	}
	defer ring.mu.Unlock()
	ring.ring[ring.next] = *d
	if ring.next++; ring.next == len(ring.ring) {
		ring.next = 0
	}
}

// maxNoted is how much of a text a decision keeps: visitors choose how long it is.
const maxNoted = 1 << 10

func noted(s string) string {
	if len(s) <= maxNoted {
		return s
	}
	return strings.ToValidUTF8(s[:maxNoted], "") + "…"
}

// tierOf is where an answer came from.
func (p *Pages) tierOf(why Reason, near bool) string {
	switch why {
	case ReasonHit, ReasonRefresh, ReasonStaleOnError, ReasonStaleOnWait, ReasonUnverified:
		switch {
		case p.local:
			return "memory"
		case near:
			return "near"
		}
		return "store"
	}
	return "handler"
}

// Recent returns the last decisions, the newest first, as many as Config.Recent. Of
// hits at the same instant some may be missing.
// They name URLs of visitors: show them to operators only.
func (p *Pages) Recent() []Decision {
	r := &p.recent
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Decision, 0, len(r.ring))
	for i := range len(r.ring) {
		d := r.ring[(r.next-1-i+2*len(r.ring))%len(r.ring)]
		if d.Time.IsZero() {
			break
		}
		list = append(list, d)
	}
	return list
}
