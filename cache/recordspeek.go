package cache

import "context"

// Peek is the short way to a record that this process holds, is current, and does
// not vary by anything: no store outside is asked, nothing is copied, nothing is
// counted until [Records.Used]. What it does not return, Get may. The caller
// merges deps, which must not be modified, into the open scope.
func (r *Records[T]) Peek(ctx context.Context, key Key) (v T, deps *Deps, ok bool) {
	o := r.peek(ctx, key)
	if o == nil || o.framed != key.framed || len(o.deps.Vary) > 0 {
		return v, nil, false
	}
	return o.value, &o.deps, true
}

// Used counts a record that Peek returned as a hit.
func (r *Records[T]) Used() { r.c.hit(true) }

func (r *Records[T]) peek(ctx context.Context, key Key) *object[T] {
	if r.c.life.Err() != nil {
		return nil
	}
	if r.objects == nil {
		return r.peekNear(ctx, key)
	}
	generation, err := r.c.records.local(ctx)
	if err != nil || generation == "" {
		return nil
	}
	v, _ := r.objects.Object(key.physical(r.c.cfg.Prefix, r.cfg.Kind, generation))
	o, _ := v.(*object[T])
	if o == nil {
		return nil
	}
	if how, err := r.standing(ctx, o); err != nil || how != isCurrent {
		return nil
	}
	return o
}

func (r *Records[T]) peekNear(ctx context.Context, key Key) *object[T] {
	if verified, _ := r.c.nearUsable(); !verified {
		return nil
	}
	generation, ok := r.c.seenGeneration(&r.c.records)
	if !ok {
		return nil
	}
	v, _ := r.c.near.Get(key.physical(r.c.cfg.Prefix, r.cfg.Kind, generation))
	o, _ := v.(*object[T])
	if o == nil || !o.expires.IsZero() && !r.c.cfg.Now().Before(o.expires) || r.c.nearStanding(ctx, o.deps.Tags, &o.checked) != isCurrent {
		return nil
	}
	return o
}
