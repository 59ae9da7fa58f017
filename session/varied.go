package session

import (
	"sync"
	"sync/atomic"

	"github.com/echoic-go/echoic/cache"
)

// varied knows of one request which scopes were told that it read keys of
// Config.Shareable. Those scopes vary by the values. Every other scope that was
// open then is private: a template function, for example, that reads under the
// context of the page while a fragment is being made. Telling a scope flows up
// to those around it, never down to those inside.
//
// Scopes have no number, but each asks for its source when it opens, and gets
// one of its own, counted. A scope around another one has the lower number.
type varied struct {
	read  atomic.Bool // the handler read one of the keys
	asked atomic.Bool // a cache asked for the value of one of them

	telling sync.Mutex // one at a time

	mu      sync.Mutex
	sources int            // how many there are
	told    map[int]uint64 // reads, by the number of the scope that was told
	probing bool
	number  int // lowest of the sources that were asked while probing
	last    struct {
		scope   *cache.Scope
		pair    cache.Pair
		sources int
	}
}

// newVaried returns nil if the manager shares nothing: requests do not pay then.
func (m *Manager) newVaried() *varied {
	if len(m.cfg.Shareable) == 0 {
		return nil
	}
	return &varied{told: make(map[int]uint64)}
}

// used reports whether the answer depends on the session.
func (t *varied) used() bool { return t != nil && (t.read.Load() || t.asked.Load()) }

// tell notes that scope and those around it were told pair. No scope: none was.
func (t *varied) tell(scope *cache.Scope, pair cache.Pair) {
	t.telling.Lock()
	defer t.telling.Unlock()
	t.mu.Lock()
	if l := &t.last; l.scope == scope && l.pair == pair && l.sources == t.sources {
		t.mu.Unlock()
		return // and nothing has opened since
	}
	t.last.scope, t.last.pair, t.last.sources = scope, pair, t.sources
	t.probing, t.number = true, 0
	t.mu.Unlock()
	// A scope asks its source when it says what it depends on. If another one
	// asks at the same time, the lower number counts: more is private then.
	scope.Deps()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.probing = false
	t.told[t.number]++
}

// source is what one scope asks whether the session was read. It is the visit
// with those reads left out that the scope was told.
type source struct {
	v      *visit
	number int
	outer  cache.Source
}

var _ cache.Source = (*source)(nil)

// source returns one for a scope that opens.
func (v *visit) source() cache.Source {
	t := v.varied
	if t == nil {
		return v
	}
	s := &source{v: v}
	s.outer, _ = v.Context.Value(cache.SourceKey{}).(cache.Source)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sources++
	s.number = t.sources
	return s
}

// Reads counts what was read or written, but for shared reads that the scope, or
// one inside of it, was told. All that was read before the scope opened counts.
func (s *source) Reads() uint64 {
	n := s.v.reads.Load()
	if s.outer != nil {
		n += s.outer.Reads()
	}
	t := s.v.varied
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.probing && (t.number == 0 || s.number < t.number) {
		t.number = s.number
	}
	for number, reads := range t.told {
		if number < s.number {
			n += reads
		}
	}
	return n
}

// Reason implements cache.Source.
func (s *source) Reason() string { return reason }
