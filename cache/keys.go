package cache

import (
	"context"
	"fmt"
	"iter"
	"strings"
)

// batchSize is how many keys are looked at or removed at a time.
const batchSize = 1000

// Keys yields the caller's keys that match pattern: * is any run of characters,
// also of ':' and '/', ? one character, [a-c] and [^a-c] one of a set, \ takes
// the next character as it is. A key may come more than once, and one that is
// written or removed meanwhile may or may not come. Values that were purged by
// tag come until they are overwritten or expire.
func (c *Cache) Keys(ctx context.Context, pattern string, opts ...Option) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		o, err := c.options(opts)
		if err != nil {
			yield("", err)
			return
		}
		for k, err := range c.list(ctx, o.version, pattern) {
			if err != nil {
				if err = c.verdict(ctx, "keys", err); err != nil {
					yield("", err)
				}
				return
			}
			if !yield(k.caller, nil) {
				return
			}
		}
	}
}

// DeletePattern removes the keys that match pattern, as Keys finds them, in
// batches, and returns how many there were.
func (c *Cache) DeletePattern(ctx context.Context, pattern string, opts ...Option) (removed int, err error) {
	o, err := c.options(opts)
	if err != nil {
		return 0, err
	}
	batch := make([]string, 0, batchSize)
	flush := func() error {
		n, err := c.store.Delete(ctx, batch...)
		removed += n
		batch = batch[:0]
		return err
	}
	for k, err := range c.list(ctx, o.version, pattern) {
		if err != nil {
			return removed, c.verdict(ctx, "delete pattern", err)
		}
		c.forget(o.version, k.caller)
		if batch = append(batch, k.physical); len(batch) == batchSize {
			if err := flush(); err != nil {
				return removed, c.verdict(ctx, "delete pattern", err)
			}
		}
	}
	return removed, c.verdict(ctx, "delete pattern", flush())
}

type listed struct{ caller, physical string }

// list finds the current values whose key matches.
func (c *Cache) list(ctx context.Context, version int, pattern string) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		lister, ok := c.store.(Lister)
		if !ok {
			yield(listed{}, fmt.Errorf("%w: it cannot list keys", ErrUnsupported))
			return
		}
		if err := c.open(); err != nil {
			yield(listed{}, err)
			return
		}
		t, err := c.now(ctx)
		if err != nil {
			yield(listed{}, err)
			return
		}
		head := escapeName(literalPrefix(pattern))
		head = head[:min(len(head), headName)] // long names end in a hash from there on
		// A name is cut where a hash mark is, too, but the mark stays in it.
		prefix := c.valuePrefix(version)
		for physical, err := range lister.Keys(ctx, prefix+head) {
			if err != nil {
				yield(listed{}, err)
				return
			}
			base, generation := cutGeneration(physical)
			if generation != t.generation {
				continue
			}
			caller, ok := c.callerKey(ctx, strings.TrimPrefix(base, prefix), prefix, physical)
			if ok && matchGlob(pattern, caller) && !yield(listed{caller, physical}, nil) {
				return
			}
		}
	}
}

// callerKey turns a name back into the key. For a name with a hash that takes a
// look at the envelope; counters with such names cannot be told.
func (c *Cache) callerKey(ctx context.Context, name, prefix, physical string) (string, bool) {
	if key, ok := unescapeName(name); ok {
		return key, true
	}
	raw, found, err := c.store.Get(ctx, physical)
	if err != nil || !found {
		return "", false
	}
	env, err := decodeEnvelope(raw)
	return strings.TrimPrefix(env.key, prefix), err == nil
}
