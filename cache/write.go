package cache

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// swapTries bounds how often a change that needs the old value is tried again
// because somebody else was faster.
const swapTries = 64

var errContended = errors.New("cache: value changes too often to be replaced: try again")

// put stores v under key as o says and reports whether it did.
func (c *Cache) put(ctx context.Context, key string, v any, o *callOptions) (bool, error) {
	if err := checkKey(key); err != nil {
		return false, err
	}
	if err := c.open(); err != nil {
		return false, err
	}
	return c.inOneStore(ctx, func(ctx context.Context, t ticket) (bool, error) { return c.putIn(ctx, t, key, v, o) })
}

// crossings is how often a change is made again because the store went to its
// fallback, or came back from there, in the middle of it.
const crossings = 3

// inOneStore makes a change in the generation of the store that keeps it. A
// fallback has generations of its own: what is written to one store in the
// generation of the other is seen by nobody, and what it was to replace still is.
func (c *Cache) inOneStore(ctx context.Context, change func(context.Context, ticket) (bool, error)) (bool, error) {
	for range crossings {
		reading, before := WithWitness(ctx)
		t, err := c.now(reading)
		if err != nil {
			return false, err
		}
		writing, after := WithWitness(ctx)
		done, err := change(writing, t)
		if err != nil || before.Fallback() == after.Fallback() {
			return done, err
		}
	}
	return false, fmt.Errorf("cache: the store went away and came back while a key was written: %w", ErrDegraded)
}

// putIn is put in a generation.
func (c *Cache) putIn(ctx context.Context, t ticket, key string, v any, o *callOptions) (bool, error) {
	deps, reason, err := c.ownDeps(ctx, t, o)
	if err != nil {
		return false, err
	}
	if reason != "" {
		c.count.refused.Add(1)
		_, err = c.store.Delete(ctx, inGeneration(c.valueBase(o.version, key), t.generation))
		return false, err
	}
	if o.ttl <= 0 {
		return c.putNothing(ctx, t, key, o)
	}
	raw, err := c.encode(key, v, deps, o)
	if err != nil {
		return false, err
	}
	return c.putRaw(ctx, t, key, raw, o)
}

// ownDeps are the dependencies of a value that is stored directly: its tags.
// They flow into the open scope, whose thing shows the value. If the scope
// opened before one of the tags was purged, what the value was made from may
// be older than the purge, and the reason says so.
func (c *Cache) ownDeps(ctx context.Context, t ticket, o *callOptions) (deps Deps, reason string, err error) {
	if len(o.tags) > MaxTags {
		return deps, "", fmt.Errorf("cache: %d tags: at most %d are allowed", len(o.tags), MaxTags)
	}
	scope := ScopeOf(ctx)
	scope.Tag(o.tags...)
	if o.hasTTL && o.ttl > 0 {
		scope.Expire(expiryAt(c.cfg.Now(), o.ttl))
	}
	if len(o.tags) == 0 || o.ttl <= 0 {
		return deps, "", nil
	}
	seq := t.seq
	if opened := scope.sequence(); opened != 0 {
		seq = min(seq, opened)
	}
	deps.Tags, reason, err = c.tags.resolve(ctx, namesOnly(o.tags), seq, ttlOf(o))
	return deps, reason, err
}

// namesOnly makes tags without tokens, each name once.
func namesOnly(tags []string) []TagToken {
	var s Scope
	s.Tag(tags...)
	return s.deps.Tags
}

// putNothing is a time to live of zero or less: the key is empty afterwards.
func (c *Cache) putNothing(ctx context.Context, t ticket, key string, o *callOptions) (bool, error) {
	if o.when != Always {
		_, s, err := c.one(ctx, o.version, key)
		if err != nil {
			return false, err
		}
		if (s != nil) != (o.when == IfPresent) {
			return false, nil
		}
	}
	_, err := c.store.Delete(ctx, inGeneration(c.valueBase(o.version, key), t.generation))
	return err == nil, err
}

// putRaw stores encoded bytes under the condition. What was purged or is stale
// counts as absent although the store still holds it.
func (c *Cache) putRaw(ctx context.Context, t ticket, key string, raw []byte, o *callOptions) (bool, error) {
	base := c.valueBase(o.version, key)
	physical := inGeneration(base, t.generation)
	c.count.sets.Add(1)
	if o.when == Always {
		return c.store.Set(ctx, physical, raw, ttlOf(o), Always)
	}
	for range swapTries {
		if o.when == IfAbsent {
			if done, err := c.store.Set(ctx, physical, raw, ttlOf(o), IfAbsent); err != nil || done {
				return done, err
			}
		}
		old, found, err := c.store.Get(ctx, physical)
		if err != nil {
			return false, err
		}
		if !found {
			if o.when == IfPresent {
				return false, nil
			}
			continue // it expired between the two calls
		}
		valid, err := c.stillValid(ctx, t, base, c.fullKey(o.version, key), old)
		if err != nil || valid != (o.when == IfPresent) {
			return false, err
		}
		if done, err := c.swap(ctx, physical, old, raw, ttlOf(o)); err != nil || done {
			return done, err
		}
	}
	return false, errContended
}

// stillValid reports whether bytes that were read count as a value.
func (c *Cache) stillValid(ctx context.Context, t ticket, base, full string, raw []byte) (bool, error) {
	s := c.unpack(ctx, t, base, full, raw)
	if s == nil || s.stale {
		return false, nil
	}
	return c.tags.current(ctx, s.env.deps.Tags)
}

func (c *Cache) swap(ctx context.Context, physical string, old, raw []byte, ttl time.Duration) (bool, error) {
	swapper, ok := c.store.(Swapper)
	if !ok {
		return false, fmt.Errorf("%w: it cannot replace a value conditionally", ErrUnsupported)
	}
	return swapper.Swap(ctx, physical, old, raw, ttl)
}

// Delete removes key and reports whether something was removed.
func (c *Cache) Delete(ctx context.Context, key string, opts ...Option) (bool, error) {
	o, err := c.options(opts)
	if err != nil {
		return false, err
	}
	n, err := c.deleteKeys(ctx, o.version, key)
	return n > 0, c.verdict(ctx, "delete", err)
}

// DeleteMany removes keys in one round trip and reports how many there were.
func (c *Cache) DeleteMany(ctx context.Context, keys []string, opts ...Option) (int, error) {
	o, err := c.options(opts)
	if err != nil {
		return 0, err
	}
	n, err := c.deleteKeys(ctx, o.version, keys...)
	return n, c.verdict(ctx, "delete many", err)
}

func (c *Cache) deleteKeys(ctx context.Context, version int, keys ...string) (int, error) {
	physical := make([]string, len(keys))
	for i, key := range keys {
		if err := checkKey(key); err != nil {
			return 0, err
		}
		physical[i] = c.valueBase(version, key)
	}
	if err := c.open(); err != nil || len(keys) == 0 {
		return 0, err
	}
	c.forget(version, keys...)
	removed := 0
	_, err := c.inOneStore(ctx, func(ctx context.Context, t ticket) (bool, error) {
		these := make([]string, len(physical))
		for i := range physical {
			these[i] = inGeneration(physical[i], t.generation)
		}
		n, err := c.store.Delete(ctx, these...)
		removed = max(removed, n)
		return true, err
	})
	return removed, err
}
