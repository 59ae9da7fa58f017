package fragment

import (
	"context"
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/live"
)

// fill is a fragment in the making: the caller renders the body under ctx, and
// then calls end or abort.
type fill struct {
	f      *Fragments
	req    request
	ctx    context.Context // the body's: it carries scope and nest
	scope  *cache.Scope
	outer  *cache.Scope
	base   *cache.Scope
	before cache.Deps // what base knew when the body began
	owner  *owner
	flight *flight // nil if it is rendered without the lock
	lease  *cache.Lease
	began  time.Time
}

// begin opens the scope of a body.
func (f *Fragments) begin(ctx context.Context, req request, n nest, missed cache.Record[entry]) (*fill, error) {
	tag, err := TagOf(req.id.name, req.vary...)
	if err != nil {
		return nil, err
	}
	inner, err := n.deeper(ctx, req.id.name)
	if err != nil {
		return nil, err
	}
	f.count.misses.Add(1)
	req.vary = nil // not ours to keep
	fl := &fill{f: f, req: req, outer: cache.ScopeOf(ctx), owner: n.owner, base: n.base, before: n.base.Deps(), began: time.Now()}
	fl.ctx, fl.scope = req.recs.Open(inner, missed)
	fl.scope.Own(tag)
	return fl, nil
}

// end keeps what the body wrote, if it may be kept, and hands it to those who
// wait. It copies the bytes.
func (fl *fill) end(text live.Text) {
	fl.f.ranks.Took(fl.req.id.name, time.Since(fl.began))
	result := flightResult{} // a panic below hands over
	defer func() { fl.finish(result) }()
	fl.scope.Merge(since(fl.before, fl.base.Deps()))
	e := entry{fresh: expiry(fl.f.cfg.Now(), fl.req.ttl)}
	fl.outer.Expire(e.fresh)
	result = fl.keep(e, text)
}

// abort is for a body that failed: nothing is kept, and the next render leads.
func (fl *fill) abort() {
	fl.f.count.failed.Add(1)
	fl.finish(flightResult{})
}

func (fl *fill) finish(result flightResult) {
	fl.lease.Done(fl.ctx, result.state.outcome())
	fl.lease = nil
	fl.outer.Tag(fl.req.id.outside)
	if fl.flight == nil {
		fl.f.locks.end(fl.owner)
		return
	}
	fl.f.locks.finish(fl.flight, result)
	fl.flight = nil
}

// outcome is the state for other servers.
func (s flightState) outcome() cache.Outcome {
	switch s {
	case flightStored:
		return cache.FillStored
	case flightAlone:
		return cache.FillAlone
	}
	return cache.FillFailed
}

// storeTimeout bounds a write, which goes on when the client has gone.
const storeTimeout = 2 * time.Second

// keep stores the body and says what waiters get.
func (fl *fill) keep(e entry, text live.Text) flightResult {
	f := fl.f
	deps := fl.scope.Deps()
	if deps.Private != "" {
		f.count.private.Add(1)
		f.unshared.add(fl.req.key, f.cfg.Now(), privateMemory)
		return flightResult{state: flightAlone}
	}
	if !fl.place(deps.Vary) {
		f.count.refused.Add(1)
		f.unshared.add(fl.req.base, f.cfg.Now(), unstoredMemory)
		return flightResult{state: flightAlone}
	}
	e.Text = text.Clone() // not zero: an empty fragment is one
	ctx, cancel := context.WithTimeout(context.WithoutCancel(fl.ctx), storeTimeout)
	defer cancel()
	deps, reason, err := fl.req.recs.Put(ctx, fl.req.key, e, fl.scope, f.lifetime(fl.req.ttl))
	if err != nil {
		f.storeFailed(ctx, "put", err)
	}
	switch {
	case err == nil && reason == "":
		f.count.stored.Add(1)
		f.unshared.remove(fl.req.key)
		deps = e.dependsOn(deps)
		fl.req.id.note(fl.outer, deps)
		return flightResult{state: flightStored, text: e.Text, deps: deps}
	case reason == cache.RefusedPurged: // the next render is made from newer data, and worth waiting for
		f.count.refused.Add(1)
		return flightResult{state: flightFailed}
	}
	// Whether the bytes are still good is not known: nobody else gets them.
	f.count.refused.Add(1)
	f.unshared.add(fl.req.key, f.cfg.Now(), unstoredMemory)
	return flightResult{state: flightAlone}
}

// expiry is the end of a time to live; zero is never.
func expiry(now time.Time, ttl time.Duration) time.Time {
	if ttl == cache.Forever {
		return time.Time{}
	}
	return now.Add(ttl)
}

// lifetime is how long a fragment stays in the store.
func (f *Fragments) lifetime(ttl time.Duration) time.Duration {
	if ttl >= cache.Forever-f.cfg.StaleWhileRevalidate {
		return cache.Forever
	}
	return ttl + f.cfg.StaleWhileRevalidate
}

// place chooses the key by the values that the body read. False: it must not be
// stored, because nobody could tell for whom it is.
func (fl *fill) place(pairs []cache.Pair) bool {
	if len(pairs) == 0 {
		return !fl.req.alone
	}
	if !suits(fl.ctx, pairs) || !fl.f.variants.learn(fl.req.id, pairs) {
		return false
	}
	fl.req.alone = false
	fl.f.variants.choose(fl.ctx, &fl.req)
	return !fl.req.alone
}

// since returns what a scope learned between two moments. Lazy data often holds
// the context that the render began with, and speaks to that one's scope: what
// is new there while a body runs comes from the body.
func since(before, after cache.Deps) cache.Deps {
	var d cache.Deps
	for _, t := range after.Tags {
		if !slices.ContainsFunc(before.Tags, func(b cache.TagToken) bool { return b.Name == t.Name }) {
			d.Tags = append(d.Tags, t)
		}
	}
	for _, p := range after.Vary {
		if !slices.Contains(before.Vary, p) {
			d.Vary = append(d.Vary, p)
		}
	}
	if before.Private == "" {
		d.Private = after.Private
	}
	if before.Expires.IsZero() || after.Expires.Before(before.Expires) {
		d.Expires = after.Expires
	}
	return d
}
