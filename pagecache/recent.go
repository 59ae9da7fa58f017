package pagecache

import (
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
	// Tier is where the answer came from: "memory", "store" or "handler".
	Tier string
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
	r := &p.recent
	if len(r.ring) == 0 {
		return
	}
	tier := "handler"
	switch {
	case why != ReasonHit && why != ReasonRefresh && why != ReasonStaleOnError && why != ReasonStaleOnWait && why != ReasonUnverified:
	case p.local:
		tier = "memory"
	default:
		tier = "store"
	}
	now := x.now
	if now.IsZero() || why != ReasonHit {
		now = p.cfg.Now()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	d := &r.ring[r.next]
	if r.next++; r.next == len(r.ring) {
		r.next = 0
	}
	d.Time, d.Method, d.Host, d.Path, d.Query, d.Route = now, x.r.Method, x.r.Host, x.r.URL.Path, x.r.URL.RawQuery, x.r.Pattern
	d.Reason, d.Kept, d.Status, d.Age, d.Tier = why, kept, status, age, tier
}

// Recent returns the last decisions, the newest first, as many as Config.Recent.
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
