package pagecache

import (
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/echoic-go/echoic/cache"
)

// places remembers, for requests that were answered from the store, what their
// URL means and what its key is: for the next one that looks the same neither is
// worked out again. It is a table of fixed size in which a newcomer takes the
// place of another; made-up URLs, which are never answered from the store, do not
// enter it.
type places struct {
	seed  maphash.Seed
	slots [1 << 12]atomic.Pointer[place]
}

// maxPlace is the longest URL that is remembered, with the header lines that
// select its variant, so that the table stays small.
const maxPlace = 1 << 10

// place is one of them. The request's parts are as they came.
type place struct {
	route                              *Route
	scheme, host, path, rawPath, query string
	lines                              []string // that select it: of the route's fields, and of those of the URL's variants

	target target
	key    cache.Key
	forks  []string // fields that select the variants of the URL, each of which has a place of its own
	leaf   bool     // it is one of those

	pattern string
	tally   *tally // of the pattern
}

func (p *places) hash(r *http.Request, route *Route) uint64 {
	h := maphash.String(p.seed, r.URL.Path)
	h ^= maphash.String(p.seed, r.Host) * 3
	if r.URL.RawQuery != "" {
		h ^= maphash.String(p.seed, r.URL.RawQuery) * 5
	}
	return p.mix(h, r.Header, route.selectors)
}

// mix adds the lines of fields.
func (p *places) mix(h uint64, header http.Header, fields []string) uint64 {
	for _, name := range fields {
		h = h*31 + 1
		for _, line := range header[name] {
			h = h*31 + maphash.String(p.seed, line)
		}
	}
	return h
}

func (p *places) at(h uint64) *atomic.Pointer[place] { return &p.slots[h%uint64(len(p.slots))] }

// of returns what is known of a request's URL, or nil. Whether its path and query
// may be looked up at all has been decided then.
func (p *places) of(r *http.Request, route *Route, scheme string) *place {
	at := p.at(p.hash(r, route)).Load()
	if at == nil || at.leaf || !at.means(r, route, scheme) || !selected(r.Header, route.selectors, nil, at.lines) {
		return nil
	}
	return at
}

// variant returns the place of the variant that a request selects, or nil.
func (p *places) variant(r *http.Request, at *place) *place {
	leaf := p.at(p.mix(p.hash(r, at.route), r.Header, at.forks)).Load()
	if leaf == nil || !leaf.leaf || !leaf.means(r, at.route, at.scheme) || !selected(r.Header, at.route.selectors, at.forks, leaf.lines) {
		return nil
	}
	return leaf
}

func (at *place) means(r *http.Request, route *Route, scheme string) bool {
	u := r.URL
	return at.route == route && at.path == u.Path && at.query == u.RawQuery && at.host == r.Host && at.rawPath == u.RawPath && at.scheme == scheme
}

// selected reports whether the fields have these lines. Each field ends in a mark
// that no line can be.
func selected(h http.Header, fields, more []string, lines []string) bool {
	for range 2 {
		for _, name := range fields {
			have := h[name]
			if len(lines) <= len(have) || lines[len(have)] != fieldEnd || !slices.Equal(have, lines[:len(have)]) {
				return false
			}
			lines = lines[len(have)+1:]
		}
		fields, more = more, nil
	}
	return len(lines) == 0
}

const fieldEnd = "\n"

// linesOf are the lines of the fields of a request, cloned.
func linesOf(h http.Header, fields ...string) (lines []string, size int) {
	for _, name := range fields {
		for _, line := range h[name] {
			if line == fieldEnd { // no server lets it through
				return nil, maxPlace + 1
			}
			lines = append(lines, strings.Clone(line))
			size += len(line)
		}
		lines = append(lines, fieldEnd)
	}
	return lines, size
}

// remember notes a request that was answered from the store. Routes with parts of
// the key that only a function knows are left out, pages that vary by values, paths
// that were rewritten, and requests of which a trusted proxy says what they ask for.
func (p *places) remember(x *exchange) {
	if x.route.key != nil || !x.target.plain() || x.index != nil && len(x.index.sets) > 0 {
		return
	}
	at := p.place(x, x.route.selectors...)
	if at == nil {
		return
	}
	h := p.hash(x.r, x.route)
	at.key = x.key.Hot()
	if x.index == nil {
		p.at(h).Store(at)
		return
	}
	leaf := p.place(x, slices.Concat(x.route.selectors, x.index.fields)...)
	if leaf == nil {
		return
	}
	leaf.key, leaf.leaf = x.at.Hot(), true
	at.forks = x.index.fields
	if now := p.at(h).Load(); now == nil || now.leaf || !now.means(x.r, x.route, x.scheme) || !slices.Equal(now.forks, at.forks) {
		p.at(h).Store(at)
	}
	p.at(p.mix(h, x.r.Header, at.forks)).Store(leaf)
}

func (p *places) place(x *exchange, fields ...string) *place {
	u := x.r.URL
	lines, size := linesOf(x.r.Header, fields...)
	if size+len(u.Path)+len(u.RawPath)+len(u.RawQuery)+len(x.r.Host) > maxPlace {
		return nil
	}
	return &place{
		route: x.route, scheme: x.scheme, host: strings.Clone(x.r.Host), path: strings.Clone(u.Path), rawPath: strings.Clone(u.RawPath),
		query: strings.Clone(u.RawQuery), lines: lines, target: x.target,
		pattern: x.r.Pattern, tally: x.p.tallies.of(x.r.Pattern),
	}
}

// plain reports a route whose key is the URL alone.
func (r *Route) plain() bool { return len(r.cookies) == 0 && len(r.vary) == 0 && r.key == nil }
