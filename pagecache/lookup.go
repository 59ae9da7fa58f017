package pagecache

import (
	"context"

	"github.com/echoic-go/echoic/cache"
)

// lookup returns the entry that answers the request, fresh or stale, or nil.
func (x *exchange) lookup() *entry {
	x.ended = x.p.flights.ended.Load()
	if x.p.local {
		return x.find(x.r.Context())
	}
	if e := x.held(); e != nil {
		return e
	}
	var e *entry
	x.withStore(x.r.Context(), func(ctx context.Context) { e = x.find(ctx) })
	return e
}

// held returns the entry if this process holds it although the store is outside:
// without a round trip, and without a budget for one.
func (x *exchange) held() *entry {
	ctx := x.r.Context()
	x.at = x.key
	rec, found := x.p.records.Held(ctx, x.at)
	if found && rec.Value.isIndex() {
		x.index = rec.Value
		rec, found, _ = x.pick(ctx, func(key cache.Key) (cache.Record[*entry], bool, error) {
			rec, found := x.p.records.Held(ctx, key)
			return rec, found, nil
		})
	}
	if !found || rec.Value.isIndex() || len(x.r.Header["Authorization"]) > 0 && !rec.Value.shared {
		return nil
	}
	x.found = rec
	if !rec.Deps.IsZero() {
		cache.ScopeOf(ctx).Merge(rec.Deps)
	}
	return rec.Value
}

func (x *exchange) find(ctx context.Context) *entry {
	x.at = x.key
	rec, found, err := x.p.records.Get(ctx, x.at)
	x.why = ReasonNotFound
	if found && rec.Value.isIndex() {
		x.index = rec.Value
		rec, found, err = x.pick(ctx, func(key cache.Key) (cache.Record[*entry], bool, error) {
			return x.p.records.Get(ctx, key)
		})
		x.why = ReasonVaryMiss
	}
	if err == nil && found && !rec.Value.isIndex() {
		gone, softly := x.p.outdated(rec.Value, x.target.url)
		if gone {
			x.why = ReasonNotFound
			x.ticket(ctx)
			return nil
		}
		rec.Soft = rec.Soft || softly
	}
	if err == nil && found && !rec.Value.isIndex() {
		if len(x.r.Header["Authorization"]) == 0 || rec.Value.shared {
			x.found = rec
			if !rec.Deps.IsZero() {
				// Under an outer scope, the enclosing thing depends on
				// what the page does.
				cache.ScopeOf(x.r.Context()).Merge(rec.Deps)
			}
			return rec.Value
		}
		x.why = ReasonAuthRequired
	}
	if err != nil {
		x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
		x.why = ReasonStoreFailed
	}
	x.missed = rec
	return nil
}

// outdated reports whether what the URL shows was changed or purged since the entry
// was made; softly says that it may still be served stale.
func (p *Pages) outdated(e *entry, url string) (gone, softly bool) {
	if !p.local {
		return false, false
	}
	round := p.changed.round.Load() // before the look
	if e.round.Load() == round+1 {
		return false, false
	}
	now := p.changed.now(url)
	if now == e.changed {
		e.round.Store(round + 1)
		return false, false
	}
	return now.hard != e.changed.hard, true
}

func (x *exchange) outdated(e *entry) bool {
	gone, softly := x.p.outdated(e, x.target.url)
	return gone || softly
}

// ticketKey is a key that nothing is ever stored under.
var ticketKey = cache.NewKey("ticket")

// ticket notes what was purged so far. After a lookup that missed it is known;
// one that found something stale does not tell, and what is made without it
// could not be stored.
func (x *exchange) ticket(ctx context.Context) {
	x.withStore(ctx, func(ctx context.Context) {
		rec, _, err := x.p.records.Get(ctx, ticketKey)
		if err != nil {
			x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
		}
		x.missed = rec
	})
}
