package near

import (
	"context"
	"slices"
)

// Feed is a source of invalidations on which a [Tier] relies: the tier is
// verified while there is a feed and all are up. It calls [Tier.Invalidate] for
// what it hears. A source that only helps, as the journal does beside Redis,
// calls Invalidate without being a Feed.
//
// A Feed is safe for concurrent use.
type Feed struct {
	tier   *Tier
	name   string
	up     bool   // with reason, guarded by the tier's lock
	reason string // why not
}

// Feed returns the feed of that name, which is down when it is new. From then on
// the tier relies on it, for good.
func (t *Tier) Feed(name string) *Feed {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.IndexFunc(t.feeds, func(f *Feed) bool { return f.name == name }); i >= 0 {
		return t.feeds[i]
	}
	f := &Feed{tier: t, name: name}
	t.feeds = append(t.feeds, f)
	t.setVerified(false)
	return f
}

// Up says that every change from now on will be heard of. If the tier becomes
// verified by that, everything that it holds is dropped before: nobody knows what
// was missed. Nothing happens if the feed is up already; one that has missed
// something says Down first, or calls [Tier.DropAll].
func (f *Feed) Up() {
	t := f.tier
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.up || t.ended {
		return
	}
	f.up, f.reason = true, ""
	if slices.ContainsFunc(t.feeds, func(f *Feed) bool { return !f.up }) {
		return
	}
	t.DropAll()
	t.setVerified(true)
	t.cfg.Logger.InfoContext(context.Background(), "near: verified: changes arrive", "feed", f.name)
}

// Down says that changes may be missed from now on, or already have been, and
// why.
func (f *Feed) Down(reason string) {
	if f.fall(reason) {
		f.tier.cfg.Logger.WarnContext(context.Background(), "near: unverified: changes may be missed", "feed", f.name, "reason", reason)
	}
}

// Close is Down for a feed that ends in good order: nothing is logged. The tier
// stays unverified unless the feed comes up again.
func (f *Feed) Close() { f.fall("closed") }

// fall reports whether that is news.
func (f *Feed) fall(reason string) bool {
	t := f.tier
	t.mu.Lock()
	defer t.mu.Unlock()
	news := f.up || f.reason == ""
	f.up, f.reason = false, reason
	t.setVerified(false)
	return news && !t.ended
}

// setVerified needs the lock.
func (t *Tier) setVerified(verified bool) {
	if t.verified.Swap(verified) == verified {
		return
	}
	t.since = t.now()
	if !verified {
		t.endWatches()
	}
}
