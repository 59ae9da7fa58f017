package cache

import (
	"context"
	"slices"
	"sync"
	"time"
)

// MaxTags is the most tags that one stored thing can carry.
const MaxTags = 128

// Scope records what a thing that is about to be cached depends on. It travels
// in the context: everything that runs under the context can [Tag] it, let it
// [Expire] earlier, make it [Private], or say that it varies ([Vary]). Scopes
// nest. What is said to an inner scope counts for the outer ones too: a value
// belongs to its fragment, a fragment to its page. Whatever is read from the
// cache says again to the open scope what was said when it was made.
//
// A Scope is safe for concurrent use.
type Scope struct {
	parent *Scope
	source Source
	reads  uint64

	// Of the lookup that missed; zero for a scope that was opened without.
	seq        uint64
	generation string

	mu       sync.Mutex
	deps     Deps
	unstored string
	trace    func(reason string) // nil unless somebody looks for the culprit
}

// Source is something that a response can depend on without saying so, such as
// a session: the context holds it under [SourceKey], and a scope asks it how
// often it was read.
type Source interface {
	// Reads returns a number that grows whenever the source is read or
	// written under this context.
	Reads() uint64
	// Reason says in a word what the source is, for explanations.
	Reason() string
}

// SourceKey is the context key of a [Source].
type SourceKey struct{}

// Pair is one thing that a cached thing varies by, and its value. Absent is not
// the same as present with an empty value.
type Pair struct {
	Name   string
	Value  string
	Absent bool
}

type scopeKey struct{}

// Open opens a scope under ctx, inside the one that is there, if any.
func Open(ctx context.Context) (context.Context, *Scope) {
	c := &scoped{Context: ctx}
	s := &c.scope
	s.parent = ScopeOf(ctx)
	if src, ok := ctx.Value(SourceKey{}).(Source); ok {
		s.source, s.reads = src, src.Reads()
	}
	return c, s
}

// scoped is a context with its scope in one piece: one is made for every fill.
type scoped struct {
	context.Context
	scope Scope
}

// Value implements context.Context.
func (c *scoped) Value(key any) any {
	if _, ok := key.(scopeKey); ok {
		return &c.scope
	}
	return c.Context.Value(key)
}

// ScopeOf returns the innermost open scope, or nil.
func ScopeOf(ctx context.Context) *Scope {
	s, _ := ctx.Value(scopeKey{}).(*Scope)
	return s
}

// WithScope returns a context whose innermost scope is s: for work that goes
// on under another context than the one that Open returned.
func WithScope(ctx context.Context, s *Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, s)
}

// Tag says that what is being made under ctx carries the tags: purging one of
// them removes it. Without an open scope it does nothing. Empty names are
// ignored; beyond [MaxTags] the thing is not stored.
func Tag(ctx context.Context, tags ...string) { ScopeOf(ctx).Tag(tags...) }

// Expire says that what is being made under ctx is wrong after at.
func Expire(ctx context.Context, at time.Time) { ScopeOf(ctx).Expire(at) }

// Private says that what is being made under ctx is for this visitor only and
// must not be kept for others. The reason is for explanations.
func Private(ctx context.Context, reason string) { ScopeOf(ctx).Private(reason) }

// Vary says that what is being made under ctx would be different for another
// value of name.
func Vary(ctx context.Context, name, value string) {
	ScopeOf(ctx).Vary(Pair{Name: name, Value: value})
}

// Tag is the method behind the function [Tag]. A nil Scope takes it and does
// nothing, as all four verbs do.
func (s *Scope) Tag(tags ...string) {
	for ; s != nil; s = s.parent {
		s.mu.Lock()
		for _, t := range tags {
			if t != "" {
				s.addTag(TagToken{Name: t})
			}
		}
		s.mu.Unlock()
	}
}

// Own gives tags to what is made in this scope alone: unlike those of Tag they
// do not flow into the enclosing scopes.
func (s *Scope) Own(tags ...string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range tags {
		if t != "" {
			s.addTag(TagToken{Name: t})
		}
	}
}

// Expire is the method behind the function [Expire]. The zero time is ignored.
func (s *Scope) Expire(at time.Time) {
	if at.IsZero() {
		return
	}
	for ; s != nil; s = s.parent {
		s.mu.Lock()
		s.deps.Expires = earlier(s.deps.Expires, at)
		s.mu.Unlock()
	}
}

// Private is the method behind the function [Private]. The first reason stays.
func (s *Scope) Private(reason string) {
	if reason == "" {
		reason = "private"
	}
	s.private(reason, true)
}

// private tells the trace only where the call comes from who caused it.
func (s *Scope) private(reason string, caused bool) {
	for ; s != nil; s = s.parent {
		s.mu.Lock()
		first := s.deps.Private == ""
		if first {
			s.deps.Private = reason
		}
		trace := s.trace
		s.mu.Unlock()
		if first && caused && trace != nil {
			trace(reason)
		}
	}
}

// Trace lets the first call that makes the scope private, itself or through one
// inside of it ([Scope.Private], [Scope.Merge]), call f as well: for explanations in development, which look at the stack for
// the code that did it. What the scope learns of its [Source] is not told. f must
// not use the scope.
func (s *Scope) Trace(f func(reason string)) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trace = f
}

// Vary is the method behind the function [Vary].
func (s *Scope) Vary(p Pair) {
	for ; s != nil; s = s.parent {
		s.mu.Lock()
		s.addPair(p)
		s.mu.Unlock()
	}
}

// Merge says everything at once that a stored thing said when it was made.
func (s *Scope) Merge(d Deps) {
	for ; s != nil; s = s.parent {
		s.mu.Lock()
		for _, t := range d.Tags {
			s.addTag(t)
		}
		for _, p := range d.Vary {
			s.addPair(p)
		}
		s.deps.Expires = earlier(s.deps.Expires, d.Expires)
		first := s.deps.Private == "" && d.Private != ""
		if first {
			s.deps.Private = d.Private
		}
		trace := s.trace
		s.mu.Unlock()
		if first && trace != nil {
			trace(d.Private)
		}
	}
}

// Unstorable says that what is being made must not be stored although it is
// not private: a degraded answer, an error page. The first reason stays.
func (s *Scope) Unstorable(reason string) {
	for ; s != nil; s = s.parent {
		s.mu.Lock()
		if s.unstored == "" {
			s.unstored = reason
		}
		s.mu.Unlock()
	}
}

// Deps returns what has been said so far. It asks the context's [Source] again:
// if it was read since the scope opened, the scope is private.
func (s *Scope) Deps() Deps {
	if s == nil {
		return Deps{}
	}
	if s.source != nil && s.source.Reads() != s.reads {
		s.private(s.source.Reason(), false)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.deps
	d.Tags, d.Vary = slices.Clone(d.Tags), slices.Clone(d.Vary)
	return d
}

// Refused returns why nothing made under the scope may be stored, or "".
func (s *Scope) Refused() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unstored
}

// addTag is called with the lock held.
func (s *Scope) addTag(t TagToken) {
	for i := range s.deps.Tags {
		have := &s.deps.Tags[i]
		if have.Name != t.Name {
			continue
		}
		switch {
		case have.Token.IsZero():
			have.Token = t.Token
		case !t.Token.IsZero() && t.Token != have.Token:
			// Two parts saw different tokens: the tag was purged between
			// them, and the older part is out of date.
			s.refuse(RefusedPurged)
		}
		return
	}
	if len(s.deps.Tags) >= MaxTags {
		s.refuse("more than 128 tags")
		return
	}
	s.deps.Tags = append(s.deps.Tags, t)
}

// addPair is called with the lock held.
func (s *Scope) addPair(p Pair) {
	for _, have := range s.deps.Vary {
		if have.Name == p.Name {
			if have != p {
				s.refuse("value of " + p.Name + " changed meanwhile")
			}
			return
		}
	}
	s.deps.Vary = append(s.deps.Vary, p)
}

// refuse is called with the lock held.
func (s *Scope) refuse(reason string) {
	if s.unstored == "" {
		s.unstored = reason
	}
}

// sequence is the number of the last purge when the scope opened, the lowest of
// all enclosing scopes; zero if no scope knows one.
func (s *Scope) sequence() uint64 {
	var lowest uint64
	for ; s != nil; s = s.parent {
		if s.seq != 0 && (lowest == 0 || s.seq < lowest) {
			lowest = s.seq
		}
	}
	return lowest
}

// begin opens a scope for something looked up with t.
func begin(ctx context.Context, t ticket) (context.Context, *Scope) {
	ctx, s := Open(ctx)
	s.seq, s.generation = t.seq, t.generation
	return ctx, s
}
