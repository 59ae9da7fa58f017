package pagecache

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Route says how the pages of one route are cached. Make it with
// [Pages.Route].
type Route struct {
	ttl          time.Duration
	byDefault    bool     // ttl is that of Config
	vary         []string // canonical header names
	cookies      []string // sorted
	allowCookies []string
	ignoreQuery  []string
	query        []string // declared parameters, sorted
	statusTTL    map[int]time.Duration
	browserTTL   time.Duration
	tags         []string
	key          func(*http.Request) []string
	places       chan struct{} // for handlers while something fails
	selectors    []string      // request fields that are in the key
	locations    bool          // Location and Content-Location are invalidated too

	whileRevalidate time.Duration
	ifError         time.Duration

	// Of Config.
	strict    bool
	heuristic float64
	keepStale time.Duration
}

// Option modifies a [Route].
type Option func(*Route)

// VaryOn keeps a page for every combination of values of these request headers,
// and says so in Vary.
func VaryOn(headers ...string) Option {
	return func(r *Route) {
		for _, h := range headers {
			r.vary = append(r.vary, http.CanonicalHeaderKey(h))
		}
	}
}

// VaryOnCookie keeps a page for every combination of values of these cookies.
// The handler sees them, and no others.
func VaryOnCookie(names ...string) Option {
	return func(r *Route) { r.cookies = append(r.cookies, names...) }
}

// AllowCookies lets the handler see these cookies; a page for a visitor who has
// one of them is private.
func AllowCookies(names ...string) Option {
	return func(r *Route) { r.allowCookies = append(r.allowCookies, names...) }
}

// IgnoreQuery adds query parameters to Config.IgnoreQuery for this route.
func IgnoreQuery(names ...string) Option {
	return func(r *Route) { r.ignoreQuery = append(r.ignoreQuery, names...) }
}

// Query declares the query parameters that pages of the route depend on. In a
// store outside the process, a page whose URL has other parameters is kept only
// from its second request within its time to live on, so that made-up URLs
// cannot fill the store. All parameters stay in the key and visible.
func Query(names ...string) Option {
	return func(r *Route) { r.query = append(r.query, names...) }
}

// StatusTTL keeps answers with this status, one that may be kept with explicit
// freshness only (203, 204, 300, 301, 308, 404, 410), for ttl.
func StatusTTL(status int, ttl time.Duration) Option {
	return func(r *Route) {
		if r.statusTTL == nil {
			r.statusTTL = make(map[int]time.Duration)
		}
		r.statusTTL[status] = ttl
	}
}

// BrowserTTL tells browsers to keep the page for ttl (max-age and Expires) if
// the handler says nothing itself. A purge does not reach them meanwhile.
func BrowserTTL(ttl time.Duration) Option { return func(r *Route) { r.browserTTL = ttl } }

// StaleWhileRevalidate is Config.StaleWhileRevalidate for this route.
func StaleWhileRevalidate(d time.Duration) Option {
	return func(r *Route) { r.whileRevalidate = d }
}

// StaleIfError is Config.StaleIfError for this route.
func StaleIfError(d time.Duration) Option { return func(r *Route) { r.ifError = d } }

// InvalidateLocations lets a successful unsafe request also invalidate the pages
// that its Location and Content-Location name. The Strict profile always does. In
// an application every login that redirects to the home page would empty it.
func InvalidateLocations() Option { return func(r *Route) { r.locations = true } }

// WithTags gives every page of the route these tags.
func WithTags(tags ...string) Option {
	return func(r *Route) { r.tags = append(r.tags, tags...) }
}

// WithKey adds parts to the key, a tenant or a role for example. The function
// must depend on nothing but the request.
func WithKey(parts func(*http.Request) []string) Option {
	return func(r *Route) { r.key = parts }
}

// Route makes the description of a route whose pages live for ttl, unless the
// handler gives them explicit freshness. A ttl of zero means Config.TTL, a
// negative one that only explicit freshness counts. It panics if an option
// makes no sense: routes are built at start-up.
func (p *Pages) Route(ttl time.Duration, opts ...Option) *Route {
	r := &Route{
		ttl: ttl, whileRevalidate: p.cfg.StaleWhileRevalidate, ifError: p.cfg.StaleIfError,
		strict: p.cfg.Strict, locations: p.cfg.Strict, heuristic: p.cfg.Heuristic, keepStale: p.cfg.KeepStale,
	}
	if ttl == 0 {
		r.ttl, r.byDefault = p.cfg.TTL, true
	}
	r.places = make(chan struct{}, p.cfg.MaxHandlers)
	for _, opt := range opts {
		opt(r)
	}
	if err := checkPatterns(r.ignoreQuery); err != nil {
		panic(err.Error())
	}
	for status := range r.statusTTL {
		if !explicitStatus[status] {
			panic("pagecache: StatusTTL: answers with status " + http.StatusText(status) + " are never kept by a TTL")
		}
	}
	r.ignoreQuery = slices.Concat(p.cfg.IgnoreQuery, r.ignoreQuery)
	r.sort()
	return r
}

// sort brings what is compared or searched into order.
func (r *Route) sort() {
	slices.Sort(r.query)
	slices.Sort(r.cookies)
	r.cookies = slices.Compact(r.cookies)
	slices.Sort(r.vary)
	r.vary = slices.Compact(r.vary)
	if r.selectors = r.vary; len(r.cookies) > 0 {
		r.selectors = append(slices.Clip(r.vary), "Cookie")
	}
}

// declares reports whether pages of the route are known to depend on the
// parameter.
func (r *Route) declares(name string) bool {
	_, found := slices.BinarySearch(r.query, name)
	return found
}

// ignores reports whether the parameter is neither in the key nor for the
// handler.
func (r *Route) ignores(name string) bool {
	for _, p := range r.ignoreQuery {
		if rest, ok := strings.CutSuffix(p, "*"); (ok && strings.HasPrefix(name, rest)) || p == name {
			return true
		}
	}
	return false
}
