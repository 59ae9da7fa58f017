package pagecache

import (
	"hash/maphash"
	"net/http"
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

// maxPlace is the longest URL that is remembered, so that the table stays small.
const maxPlace = 1 << 10

// place is one of them. The request's parts are as they came.
type place struct {
	route                              *Route
	scheme, host, path, rawPath, query string

	target target
	key    cache.Key
}

func (p *places) slot(r *http.Request) *atomic.Pointer[place] {
	h := maphash.String(p.seed, r.URL.Path)
	h ^= maphash.String(p.seed, r.Host) * 3
	if r.URL.RawQuery != "" {
		h ^= maphash.String(p.seed, r.URL.RawQuery) * 5
	}
	return &p.slots[h%uint64(len(p.slots))]
}

// of returns what is known of a request's URL, or nil. Whether its path and query
// may be looked up at all has been decided then.
func (p *places) of(r *http.Request, route *Route, scheme string) *place {
	at := p.slot(r).Load()
	if at == nil || at.route != route || at.path != r.URL.Path || at.query != r.URL.RawQuery || at.host != r.Host || at.rawPath != r.URL.RawPath || at.scheme != scheme {
		return nil
	}
	return at
}

// remember notes a request that was answered from the store. Routes whose key
// depends on more than the URL are left out.
func (p *places) remember(x *exchange) {
	u := x.r.URL
	if !x.route.plain() || len(u.Path)+len(u.RawPath)+len(u.RawQuery)+len(x.r.Host) > maxPlace {
		return
	}
	at := &place{
		route: x.route, scheme: x.scheme, host: strings.Clone(x.r.Host), path: strings.Clone(u.Path), rawPath: strings.Clone(u.RawPath),
		query: strings.Clone(u.RawQuery), target: x.target, key: x.key.Hot(),
	}
	p.slot(x.r).Store(at)
}

// plain reports a route whose key is the URL alone.
func (r *Route) plain() bool { return len(r.cookies) == 0 && len(r.vary) == 0 && r.key == nil }
