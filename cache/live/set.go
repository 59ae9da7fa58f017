package live

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"sync"
	"sync/atomic"
	"time"
)

// Kind says what the values of a hole are, and so where it may stand.
type Kind uint8

const (
	// Token is of the characters A-Z, a-z, 0-9, _ and -, at least one. It means
	// the same everywhere, and may stand in HTML text, in quoted attributes, and
	// in header fields.
	Token Kind = iota + 1
	// HTML may stand in HTML text only. A plain string is escaped for it.
	HTML
)

func (k Kind) String() string {
	switch k {
	case Token:
		return "token"
	case HTML:
		return "html"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Func returns the value of a hole for the visitor of ctx. It runs in the
// visitor's request, once for each answer that has the hole, and must return when
// ctx ends (Config.Timeout). Nothing that it reads makes the page private or
// vary. [Request] returns the visitor's request.
type Func func(ctx context.Context) (string, error)

// HTMLFunc is Func for what is HTML already and must not be escaped.
type HTMLFunc func(ctx context.Context) (template.HTML, error)

// Config is what a [Set] is made of. The zero value works.
type Config struct {
	// Timeout is when the context of a hole's function ends. Defaults to 1 s.
	Timeout time.Duration
}

const (
	defaultTimeout = time.Second
	maxHoles       = 256     // of a set
	maxName        = 64      // bytes
	maxToken       = 4 << 10 // bytes of a value
	maxHTML        = 64 << 10
)

// Set is the holes of an application. It is safe for concurrent use. A nil Set
// has none.
type Set struct {
	timeout time.Duration
	used    atomic.Bool
	mu      sync.RWMutex
	holes   map[string]*hole
}

type hole struct {
	kind Kind
	call func(ctx context.Context) (string, error) // what it returns is escaped already
}

// New makes an empty set.
func New(cfg Config) (*Set, error) {
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("live: Config.Timeout is %v: give a positive duration, or 0 for the default", cfg.Timeout)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	return &Set{timeout: cfg.Timeout, holes: map[string]*hole{}}, nil
}

// Live registers a hole. A name has at most 64 letters, digits, dots, _ and -,
// and is free once: two functions must not share one. After the set was used,
// by a template that was loaded or a request, it is ErrUsed.
func (s *Set) Live(name string, kind Kind, fn Func) error {
	if fn == nil {
		return fmt.Errorf("live: hole %q: the function is nil: give one", name)
	}
	switch kind {
	case Token:
		return s.add(name, &hole{kind, func(ctx context.Context) (string, error) {
			v, err := fn(ctx)
			return v, errors.Join(err, checkToken(v, err))
		}})
	case HTML:
		return s.add(name, &hole{kind, func(ctx context.Context) (string, error) {
			v, err := fn(ctx)
			return template.HTMLEscapeString(v), err
		}})
	}
	return fmt.Errorf("live: hole %q: kind %v: give live.Token or live.HTML", name, kind)
}

// LiveHTML is Live for a hole of kind HTML whose function returns HTML.
func (s *Set) LiveHTML(name string, fn HTMLFunc) error {
	if fn == nil {
		return fmt.Errorf("live: hole %q: the function is nil: give one", name)
	}
	return s.add(name, &hole{HTML, func(ctx context.Context) (string, error) {
		v, err := fn(ctx)
		return string(v), err
	}})
}

func (s *Set) add(name string, h *hole) error {
	if s == nil {
		return fmt.Errorf("live: hole %q: there is no set: make one with live.New", name)
	}
	if !validName(name) {
		return fmt.Errorf("live: hole %.80q: use at most %d letters, digits, dots, _ and - as its name", name, maxName)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.used.Load():
		return fmt.Errorf("live: hole %q: %w: register all before templates are loaded and requests served", name, ErrUsed)
	case s.holes[name] != nil:
		return fmt.Errorf("live: hole %q is registered already: choose another name", name)
	case len(s.holes) >= maxHoles:
		return fmt.Errorf("live: hole %q: there are %d already", name, maxHoles)
	}
	s.holes[name] = h
	return nil
}

// Kind returns the kind of a hole. From now on no others can be registered.
func (s *Set) Kind(name string) (Kind, bool) {
	if h := s.hole(name); h != nil {
		return h.kind, true
	}
	return 0, false
}

// Empty reports whether the set has no holes.
func (s *Set) Empty() bool {
	if s == nil {
		return true
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.holes) == 0
}

func (s *Set) hole(name string) *hole {
	if s == nil {
		return nil
	}
	if !s.used.Load() { // an atomic store for every use would be a waste
		s.used.Store(true)
	}
	return s.get(name)
}

// get is hole that is no use of the set.
func (s *Set) get(name string) *hole {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.holes[name]
}

func validName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !tokenByte(c) && c != '.' {
			return false
		}
	}
	return true
}

func tokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// checkToken does not put the value into the error: it may be a secret.
func checkToken(v string, failed error) error {
	switch {
	case failed != nil:
		return nil
	case v == "" || len(v) > maxToken:
		return fmt.Errorf("%w: it has %d bytes, 1 to %d are allowed", ErrToken, len(v), maxToken)
	}
	for i := range len(v) {
		if !tokenByte(v[i]) {
			return fmt.Errorf("%w: byte %d is %q: only A-Z, a-z, 0-9, _ and - are allowed", ErrToken, i, v[i])
		}
	}
	return nil
}
