package cache

import "context"

// AppendBytes appends the bytes stored under key to dst and returns the longer
// slice, as [Typed.Get] of []byte would return them: a copy, but into memory of
// the caller's, who can use it again. Without room in dst it allocates. A value
// of another type is a miss, and dst comes back as it was.
func (c *Cache) AppendBytes(ctx context.Context, dst []byte, key string, opts ...Option) (longer []byte, found bool, err error) {
	o, err := c.readOptions(opts)
	if err != nil {
		return dst, false, err
	}
	if v, stale := c.nearValue(ctx, o.version, key); v != nil && !stale && v.s.env.codec == Raw.ID() {
		c.nearHit(ctx, v, key)
		return append(dst, v.s.env.payload...), true, nil
	}
	value, found, err := Of[[]byte](c).Get(ctx, key, opts...)
	return append(dst, value...), found, err
}
