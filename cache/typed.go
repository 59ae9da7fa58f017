package cache

import "context"

// Typed is a cache whose values are of type T. What comes out is a copy:
// changing it changes nothing in the cache. It has all calls of [Cache], too.
type Typed[T any] struct{ *Cache }

// Of is the typed view of c. It costs nothing; make it where it is used.
func Of[T any](c *Cache) Typed[T] { return Typed[T]{Cache: c} }

// Get returns the value of key. Absent, expired, purged, or of another type is
// false; a stored zero value or nil is true.
func (t Typed[T]) Get(ctx context.Context, key string, opts ...Option) (value T, found bool, err error) {
	o, err := t.readOptions(opts)
	if err != nil {
		return value, false, err
	}
	v, stale := t.nearValue(ctx, o.version, key)
	if v == nil || stale {
		return t.getStored(ctx, o.version, key)
	}
	if value, found = copyRaw[T](&v.s); found {
		t.nearHit(ctx, v, key)
		return value, true, nil
	}
	return t.getHeld(ctx, o.version, key, v)
}

// getHeld is Get of what the near tier holds. It is not a part of Get because
// what is decoded through a pointer lives on the heap.
func (t Typed[T]) getHeld(ctx context.Context, version int, key string, v *nearValue) (value T, found bool, err error) {
	if !t.decode(ctx, &v.s, &value) {
		return t.getStored(ctx, version, key)
	}
	t.nearHit(ctx, v, key)
	return value, true, nil
}

// getStored is Get from the store.
func (t Typed[T]) getStored(ctx context.Context, version int, key string) (value T, found bool, err error) {
	var zero T
	_, s, err := t.one(ctx, version, key)
	if err != nil {
		t.hit(false)
		return zero, false, t.verdict(ctx, "get", err)
	}
	if s == nil || !t.decode(ctx, s, &value) {
		t.hit(false)
		return zero, false, nil
	}
	t.hitOf(key)
	t.note(ctx, s)
	return value, true, nil
}

// GetOr is Get that returns fallback on a miss.
func (t Typed[T]) GetOr(ctx context.Context, key string, fallback T, opts ...Option) (T, error) {
	v, found, err := t.Get(ctx, key, opts...)
	if err != nil || !found {
		return fallback, err
	}
	return v, nil
}

// Set keeps value under key, replacing value, time to live and tags of what was
// there. It reports whether the value was stored: not with [OnlyIfAbsent] or
// [OnlyIfPresent] where the condition fails, not with a time to live of zero or
// less (which removes what is there), and not if one of its tags was purged
// while it was being made.
func (t Typed[T]) Set(ctx context.Context, key string, value T, opts ...Option) (stored bool, err error) {
	o, err := t.options(opts)
	if err != nil {
		return false, err
	}
	t.forget(o.version, key)
	stored, err = t.put(ctx, key, value, &o)
	return stored && o.ttl > 0, t.verdict(ctx, "set", err)
}

// Add keeps value only where nothing is, and reports whether it did. With a
// time to live of zero on an absent key it says true, and nothing stays.
func (t Typed[T]) Add(ctx context.Context, key string, value T, opts ...Option) (added bool, err error) {
	o, err := t.options(opts)
	if err != nil {
		return false, err
	}
	o.when = IfAbsent
	added, err = t.put(ctx, key, value, &o)
	return added, t.verdict(ctx, "add", err)
}

// GetMany returns the values of those keys that have one, under the caller's
// names, in one round trip.
func (t Typed[T]) GetMany(ctx context.Context, keys []string, opts ...Option) (map[string]T, error) {
	o, err := t.options(opts)
	if err != nil || len(keys) == 0 {
		return map[string]T{}, err
	}
	values := make(map[string]T, len(keys))
	if keys = t.nearMany(ctx, keys, &o, values); len(keys) == 0 {
		return values, nil
	}
	_, found, err := t.lookup(ctx, o.version, keys...)
	if err != nil {
		return values, t.verdict(ctx, "get many", err)
	}
	for i, s := range found {
		var v T
		ok := s != nil && !s.stale && t.decode(ctx, s, &v)
		if !ok {
			t.hit(false)
			continue
		}
		t.hitOf(keys[i])
		t.note(ctx, s)
		values[keys[i]] = v
	}
	return values, nil
}

// nearMany puts into values what the near tier holds, and returns the keys of the
// rest.
func (t Typed[T]) nearMany(ctx context.Context, keys []string, o *callOptions, values map[string]T) (rest []string) {
	if t.near == nil {
		return keys
	}
	for _, key := range keys {
		var value T
		v, stale := t.nearValue(ctx, o.version, key)
		if v == nil || stale || !t.decode(ctx, &v.s, &value) {
			rest = append(rest, key)
			continue
		}
		t.nearHit(ctx, v, key)
		values[key] = value
	}
	return rest
}

// SetMany keeps all values in one round trip and returns the keys of those that
// could not be kept.
func (t Typed[T]) SetMany(ctx context.Context, values map[string]T, opts ...Option) (failed []string, err error) {
	o, err := t.options(opts)
	if err != nil || len(values) == 0 {
		return nil, err
	}
	anyValues := make(map[string]any, len(values))
	for key, v := range values {
		anyValues[key] = v
		t.forget(o.version, key)
	}
	failed, err = t.putMany(ctx, anyValues, &o)
	return failed, t.verdict(ctx, "set many", err)
}

// forget keeps a loader that is in the air from overwriting a newer value.
func (c *Cache) forget(version int, keys ...string) {
	for _, key := range keys {
		c.flights.forget(c.valueBase(version, key))
	}
}
