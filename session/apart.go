package session

import (
	"context"

	"github.com/echoic-go/echoic/cache"
)

// apart is a context under which the session is used for something that is part
// of no page that is being made: the value of a hole (package cache/live). Scopes
// that are open do not learn of it; those that open under it do. The answer of
// the request is completed and the session saved as ever.
type apart struct {
	context.Context
	v *visit
}

var _ cache.ApartSource = (*visit)(nil)

type apartKey struct{ m *Manager }

// Apart implements [cache.ApartSource].
func (v *visit) Apart(ctx context.Context) context.Context {
	if outer, ok := v.Context.Value(cache.SourceKey{}).(cache.ApartSource); ok {
		ctx = outer.Apart(ctx)
	}
	return &apart{ctx, v}
}

// Apart implements [cache.ApartSource].
func (s *source) Apart(ctx context.Context) context.Context { return s.v.Apart(ctx) }

// Value answers as the visit does, but counts apart.
func (c *apart) Value(key any) any {
	switch k := key.(type) {
	case cache.SourceKey:
		outer, _ := c.Context.Value(key).(cache.Source)
		return &apartSource{c.v, outer}
	case apartKey:
		if k.m == c.v.m {
			return true
		}
	default:
		if key == c.v.m.key {
			return c.touch()
		}
	}
	return c.Context.Value(key)
}

// touch is that of the visit for an access that no scope is told of. An outage is
// one of the hole, and not of the answer.
func (c *apart) touch() any {
	c.v.apart.Add(1)
	if err := c.v.load(); err != nil {
		panic(err)
	}
	return c.v.data
}

// String keeps the token out of whatever prints contexts.
func (c *apart) String() string { return c.v.String() }

// GoString is String for %#v.
func (c *apart) GoString() string { return c.String() }

func isApart(ctx context.Context, m *Manager) bool { return ctx.Value(apartKey{m}) != nil }

// accesses counts how often the session was read or written, whoever was told.
func (v *visit) accesses() uint64 { return v.reads.Load() + v.apart.Load() }

// apartSource is what scopes ask that open under an apart context: what they are
// for is private if the session was used there.
type apartSource struct {
	v     *visit
	outer cache.Source // of the context below
}

// Reads counts all.
func (s *apartSource) Reads() uint64 {
	n := s.v.accesses()
	if s.outer != nil {
		n += s.outer.Reads()
	}
	return n
}

// Reason implements cache.Source.
func (s *apartSource) Reason() string { return reason }

// Apart implements [cache.ApartSource]: it is apart already.
func (s *apartSource) Apart(ctx context.Context) context.Context { return ctx }
