package cache

import (
	"context"
	"strings"
	"sync/atomic"
	"unsafe"
)

// nearValue is a plain value in the near tier: checked, and not compressed.
type nearValue struct {
	s       stored // immutable; stale is not set
	checked atomic.Uint64
	shared  atomic.Pointer[any] // decoded, for GetShared
}

// nearValueSize is about what one weighs besides key and bytes.
const nearValueSize = 320

// holdValue keeps the i-th value that a read found. Counters are not kept: they
// change with every use, and their end is known to the store alone.
func (c *Cache) holdValue(n *nearRead, i int, s *stored) {
	if n == nil || s == nil || s.counter || s.env.rawLen > c.cfg.MaxValueBytes {
		return
	}
	compressor, err := compressorFor(s.env.compressor)
	if err != nil {
		return
	}
	v := &nearValue{s: *s}
	if v.s.env.payload, err = compressor.expand(s.env.payload, s.env.rawLen); err != nil {
		return
	}
	v.s.env.compressor, v.s.raw, v.s.stale = NoCompression.id(), nil, false
	v.checked.Store(n.epoch + 1)
	size := nearValueSize + len(v.s.env.payload) + len(v.s.env.key) + objectOverhead(v.s.env.deps)
	n.hold(i, v, size, s.env.lifetime(c.cfg.Now()))
}

// nearValue returns what the near tier holds for key, if it may be served.
func (c *Cache) nearValue(ctx context.Context, version int, key string) (v *nearValue, stale bool) {
	if _, usable := c.nearUsable(); !usable || c.open() != nil {
		return nil, false
	}
	generation, ok := c.seenGeneration(&c.values)
	if !ok {
		return nil, false
	}
	v, ok = c.heldValue(version, key, generation)
	if !ok || !c.isKey(v.s.env.key, version, key) || !matches(ctx, v.s.env.deps.Vary) {
		return nil, false
	}
	if v.s.env.stale > 0 { // else the tier lets go of it in time
		over := c.cfg.Now().Sub(v.s.env.expires)
		if over >= v.s.env.stale {
			return nil, false
		}
		stale = over >= 0
	}
	if !c.nearValid(ctx, v.s.env.deps.Tags, &v.checked) {
		return nil, false
	}
	return v, stale
}

// heldValue looks up the physical key, which it builds in a buffer that is used
// again: this is done for every hit.
func (c *Cache) heldValue(version int, key, generation string) (*nearValue, bool) {
	buf, _ := c.names.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	b := (*buf)[:0]
	if version == c.cfg.Version {
		b = append(b, c.prefixed...)
	} else {
		b = append(b, c.valuePrefix(version)...)
	}
	b = append(b, keyName(key)...)
	b = append(b, '@')
	b = append(b, generation...)
	held, _ := c.near.Get(unsafe.String(unsafe.SliceData(b), len(b)))
	*buf = b
	c.names.Put(buf)
	v, ok := held.(*nearValue)
	return v, ok
}

// isKey reports whether full is the full key of key.
func (c *Cache) isKey(full string, version int, key string) bool {
	prefix := c.prefixed
	if version != c.cfg.Version {
		prefix = c.valuePrefix(version)
	}
	return len(full) == len(prefix)+len(key) && strings.HasPrefix(full, prefix) && full[len(prefix):] == key
}

// nearHit is what a read of a value that the near tier holds does: count, and
// tell the scope.
func (c *Cache) nearHit(ctx context.Context, v *nearValue, key string) {
	c.hitOf(key)
	ScopeOf(ctx).Merge(v.s.env.allDeps())
}

// GetShared is Get without a copy: all who read the value in this process get
// the same one, which nobody may change. Without a near tier, or for a value that
// it does not hold, it is Get.
func (t Typed[T]) GetShared(ctx context.Context, key string, opts ...Option) (value T, found bool, err error) {
	o, err := t.readOptions(opts)
	if err != nil {
		return value, false, err
	}
	v, stale := t.nearValue(ctx, o.version, key)
	if v == nil || stale {
		return t.Get(ctx, key, opts...)
	}
	if p := v.shared.Load(); p != nil {
		if value, found = (*p).(T); found {
			t.nearHit(ctx, v, key)
			return value, true, nil
		}
	}
	return t.share(ctx, key, v)
}

// share decodes a held value for all who read it from now on.
func (t Typed[T]) share(ctx context.Context, key string, v *nearValue) (T, bool, error) {
	var value T
	if !t.decode(ctx, &v.s, &value) {
		t.hit(false)
		return *new(T), false, nil
	}
	var boxed any = value
	v.shared.Store(&boxed)
	t.nearHit(ctx, v, key)
	return value, true, nil
}

// readOptions is options for a read, which most often has none.
func (c *Cache) readOptions(opts []Option) (callOptions, error) {
	if len(opts) == 0 {
		return callOptions{ttl: c.cfg.TTL, version: c.cfg.Version}, nil
	}
	return c.options(opts)
}

// copyRaw is decode of bytes and text that the near tier holds into bytes and
// text: what most who care for speed keep. Nothing but the copy is allocated.
func copyRaw[T any](s *stored) (value T, ok bool) {
	if codec := s.env.codec; codec != Raw.ID() && codec != (rawText{}).ID() {
		return value, false
	}
	switch p := any(&value).(type) {
	case *[]byte:
		*p = append([]byte{}, s.env.payload...)
	case *string:
		*p = string(s.env.payload)
	default:
		return value, false
	}
	return value, true
}
