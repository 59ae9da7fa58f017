package fragment

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/echoic-go/echoic/cache"
)

// lookup returns the stored fragment, and says to the open scope what it
// depends on. After a miss the record is for start.
func (f *Fragments) lookup(ctx context.Context, req *request) (cache.Record[[]byte], bool) {
	if req.alone {
		return cache.Record[[]byte]{}, false
	}
	req.ended = f.locks.ended.Load()
	rec, found, err := req.recs.Get(ctx, req.key)
	if err != nil {
		f.storeFailed(ctx, "get", err)
		return rec, false
	}
	if found {
		f.count.hits.Add(1)
		req.id.note(cache.ScopeOf(ctx), rec.Deps)
	}
	return rec, found
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
func (f *Fragments) start(ctx context.Context, req request, n nest, missed cache.Record[[]byte]) (*fill, []byte, error) {
	var lead *flight
	defer func() { // code of the application may panic while the lock is held
		if lead != nil {
			f.locks.finish(lead, flightResult{})
		}
	}()
	const tries = 3
	for range tries {
		if req.alone || f.unshared.has(req.key, f.cfg.Now()) {
			break
		}
		var result flightResult
		var err error
		if lead, result, err = f.locks.acquire(ctx, n.owner, req.key); err != nil {
			return nil, nil, fmt.Errorf("fragment %q: waiting for another render: %w", req.id.name, err)
		}
		if lead != nil {
			if f.locks.ended.Load() == req.ended {
				break
			}
			// Somebody may have stored it between the miss and the lock.
			rec, found := f.lookup(ctx, &req)
			if !found {
				missed = rec
				break
			}
			f.locks.finish(lead, flightResult{state: flightStored, body: rec.Value, deps: rec.Deps})
			lead = nil
			return nil, rec.Value, nil
		}
		if result.state != flightStored {
			break
		}
		if suits(ctx, result.deps.Vary) {
			f.count.coalesced.Add(1)
			req.id.note(cache.ScopeOf(ctx), result.deps)
			return nil, result.body, nil
		}
		// It was made for other values, by which the key now varies.
		f.variants.choose(ctx, &req)
		rec, found := f.lookup(ctx, &req)
		if found {
			return nil, rec.Value, nil
		}
		missed = rec
	}
	fl, err := f.begin(ctx, req, n, missed)
	if err != nil {
		return nil, nil, err
	}
	fl.flight, lead = lead, nil
	return fl, nil, nil
}
