package fragment

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
)

// quick returns the stored fragment if that takes no thought: this process holds it,
// and found it before. What it does not return, look may.
func (f *Fragments) quick(ctx context.Context, req *request) (text live.Text, found bool) {
	if req.hot == nil || req.alone || req.key != req.base {
		return text, false
	}
	e, deps, ok := req.recs.Peek(ctx, req.hot.hot)
	if !ok || f.keepsStale && e.stale(f.cfg.Now()) {
		return text, false
	}
	req.recs.Used()
	f.hitOf(req.id.name)
	req.id.note(cache.ScopeOf(ctx), e.dependsOn(*deps))
	return e.Text, true
}

// look is lookup where the answer may be there already.
func (f *Fragments) look(ctx context.Context, req *request, a *ahead) (cache.Record[entry], bool) {
	if got, ok := a.take(req); ok {
		return got.rec, f.use(ctx, req, got.rec, got.found)
	}
	return f.lookup(ctx, req)
}

// lookup returns the stored fragment, and says to the open scope what it
// depends on. After a miss the record is for start; it has a body if there is
// one whose time to live is over.
func (f *Fragments) lookup(ctx context.Context, req *request) (cache.Record[entry], bool) {
	if req.alone {
		return cache.Record[entry]{}, false
	}
	req.ended = f.locks.ended.Load()
	key := req.key
	if req.hot != nil && key == req.base {
		key = req.hot.hot
	}
	rec, found, err := req.recs.Get(ctx, key)
	if err != nil {
		f.storeFailed(ctx, "get", err)
		return rec, false
	}
	if found && req.hot == nil {
		f.hot.remember(req)
	}
	return rec, f.use(ctx, req, rec, found)
}

// use says what a stored fragment depends on, if it is to be shown.
func (f *Fragments) use(ctx context.Context, req *request, rec cache.Record[entry], found bool) bool {
	if !found || f.keepsStale && rec.Value.stale(f.cfg.Now()) {
		return false
	}
	f.hitOf(req.id.name)
	req.id.note(cache.ScopeOf(ctx), rec.Value.dependsOn(rec.Deps))
	return true
}

// note tells the scope around a fragment what the fragment depends on.
func (id *identity) note(outer *cache.Scope, deps cache.Deps) {
	if outer == nil {
		return
	}
	deps.Tags = withoutOwn(deps.Tags)
	outer.Merge(deps)
	outer.Tag(id.outside)
}

// withoutOwn leaves the tag out that only the fragment itself carries.
func withoutOwn(tags []cache.TagToken) []cache.TagToken {
	own := slices.IndexFunc(tags, func(t cache.TagToken) bool { return strings.HasPrefix(t.Name, tagOne) })
	switch own {
	case -1:
		return tags
	case 0:
		return tags[1:]
	default:
		return slices.Concat(tags[:own], tags[own+1:])
	}
}

// start is what follows a miss: it returns the bytes that another render has
// just made, or else the fill that the caller must render and finish. missed
// is what lookup returned.
func (f *Fragments) start(ctx context.Context, req request, n nest, missed cache.Record[entry]) (fl *fill, shared live.Text, err error) {
	a := attempt{f: f, req: req, n: n, missed: missed}
	defer func() { a.give(ctx) }() // code of the application may panic while the lock is held
	if !missed.Value.IsZero() {
		if text := a.revalidate(ctx); !text.IsZero() {
			return nil, text, nil
		}
	}
	if a.flight == nil {
		if text, err := a.lock(ctx); !text.IsZero() || err != nil {
			return nil, text, err
		}
		if text := a.lead(ctx); !text.IsZero() {
			return nil, text, nil
		}
	}
	if !a.missed.Value.IsZero() {
		a.renewTicket(ctx)
	}
	if fl, err = f.begin(ctx, a.req, n, a.missed); err != nil {
		return nil, live.Text{}, err
	}
	fl.flight, a.flight = a.flight, nil
	fl.lease, a.lease = a.lease, nil
	return fl, live.Text{}, nil
}

// attempt is a miss on its way to being rendered, by this render or another.
type attempt struct {
	f      *Fragments
	req    request
	n      nest
	missed cache.Record[entry]
	flight *flight // the lock in this process, if it is ours
	lease  *cache.Lease
}

// give returns what was not handed to a fill.
func (a *attempt) give(ctx context.Context) {
	if a.flight != nil {
		a.f.locks.finish(a.flight, flightResult{})
	}
	a.lease.Done(ctx, cache.FillFailed)
}

// lock gets the right to render in this process, or the bytes that another render
// in it has made. Neither means that it is rendered without.
func (a *attempt) lock(ctx context.Context) (text live.Text, err error) {
	const tries = 3
	f, req := a.f, &a.req
	for range tries {
		if req.alone || f.unshared.has(req.key, f.cfg.Now()) {
			return text, nil
		}
		flight, result, err := f.locks.acquire(ctx, a.n.owner, req.key)
		if err != nil {
			return text, fmt.Errorf("fragment %q: waiting for another render: %w", req.id.name, err)
		}
		if flight != nil {
			a.flight = flight
			return a.lookAgain(ctx), nil
		}
		if result.state != flightStored {
			return text, nil
		}
		if suits(ctx, result.deps.Vary) {
			f.count.coalesced.Add(1)
			req.id.note(cache.ScopeOf(ctx), result.deps)
			return result.text, nil
		}
		// It was made for other values, by which the key now varies.
		f.variants.choose(ctx, req)
		rec, found := f.lookup(ctx, req)
		if found {
			return rec.Value.Text, nil
		}
		a.missed = rec
	}
	return text, nil
}

// lookAgain is for who has the lock: somebody may have stored the fragment
// between the miss and that.
func (a *attempt) lookAgain(ctx context.Context) live.Text {
	if a.f.locks.ended.Load() == a.req.ended {
		return live.Text{}
	}
	rec, found := a.f.lookup(ctx, &a.req)
	if !found {
		a.missed = rec
		return live.Text{}
	}
	return a.found(rec)
}

// lead gets the right to render among all servers, or what another one stored.
// Nested renders do not wait for other servers: the circle that could close
// nobody would see.
func (a *attempt) lead(ctx context.Context) live.Text {
	if a.flight == nil {
		return live.Text{}
	}
	var found bool
	a.lease, a.missed, found = a.req.recs.Lead(ctx, a.req.key, a.missed, a.n.depth == 0, a.fresh)
	if !found {
		return live.Text{}
	}
	a.f.count.coalesced.Add(1)
	a.req.id.note(cache.ScopeOf(ctx), a.missed.Value.dependsOn(a.missed.Deps))
	return a.found(a.missed)
}

// found hands a stored fragment to those who wait for ours.
func (a *attempt) found(rec cache.Record[entry]) live.Text {
	a.f.locks.finish(a.flight, flightResult{state: flightStored, text: rec.Value.Text, deps: rec.Value.dependsOn(rec.Deps)})
	a.flight = nil
	return rec.Value.Text
}
