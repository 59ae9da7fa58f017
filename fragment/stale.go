package fragment

import (
	"context"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
)

// ticketKey is a key that nothing is ever stored under.
var ticketKey = cache.NewKey("ticket")

// fresh reports whether a record is worth waiting for.
func (a *attempt) fresh(rec cache.Record[entry]) bool { return !rec.Value.stale(a.f.cfg.Now()) }

// revalidate is for a fragment whose time to live is over. One render makes it
// anew, and gets nil; the others get the old bytes, without waiting. A fragment
// in the making does not: it would hold old bytes for a time to live of its own.
func (a *attempt) revalidate(ctx context.Context) (none live.Text) {
	f, req, old := a.f, &a.req, a.missed
	if a.n.depth > 0 || req.alone || f.unshared.has(req.key, f.cfg.Now()) {
		return none
	}
	var busy bool
	if a.flight, busy = f.locks.try(a.n.owner, req.key); busy {
		return a.stale(ctx, old)
	}
	if a.flight == nil {
		return none
	}
	if text := a.lookAgain(ctx); !text.IsZero() {
		return text
	}
	if a.missed.Value.IsZero() { // purged meanwhile
		return a.lead(ctx)
	}
	lease, rec, found := req.recs.Lead(ctx, req.key, a.missed, false, a.fresh)
	if found {
		req.id.note(cache.ScopeOf(ctx), rec.Value.dependsOn(rec.Deps))
		return a.found(rec)
	}
	if a.lease = lease; lease == nil && req.recs.leases {
		return a.stale(ctx, old) // another server makes it anew
	}
	return none
}

// renewTicket makes of a stale record one that a fill can begin with: what is
// purged from now on makes it unstorable.
func (a *attempt) renewTicket(ctx context.Context) {
	var err error
	if a.missed, _, err = a.req.recs.Get(ctx, ticketKey); err != nil {
		a.f.storeFailed(ctx, "get", err)
	}
}

// stale serves the old bytes.
func (a *attempt) stale(ctx context.Context, old cache.Record[entry]) live.Text {
	a.f.count.stale.Add(1)
	a.req.id.note(cache.ScopeOf(ctx), old.Value.dependsOn(old.Deps))
	return old.Value.Text
}
