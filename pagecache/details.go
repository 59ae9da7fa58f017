package pagecache

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Details are what a [Decision] says in development besides. They tell of the
// application's code: never show them to visitors of a site in production.
type Details struct {
	// Key is what the page was looked up under, in order: scheme, host, path and
	// query as it is kept, then header fields, values of the session and parts of
	// the route's own. Values of cookies and credentials are left out.
	Key []KeyPart
	// Tags are those that the answer carries, without those of its URL.
	Tags []string
	// Life is for how long a stored answer is fresh, LifeFrom what says so.
	Life     time.Duration
	LifeFrom string
	// Code is the application's code that kept the answer from being stored:
	// file:line (function). Where it is not known it is empty.
	Code string
}

// KeyPart is one part of a key.
type KeyPart struct{ Name, Value string }

// What LifeFrom can say.
const (
	lifeTargeted  = "CDN-Cache-Control"
	lifeShared    = "Cache-Control: s-maxage"
	lifeMaxAge    = "Cache-Control: max-age"
	lifeExpires   = "Expires"
	lifeStatus    = "StatusTTL of the route"
	lifeRoute     = "TTL of the route"
	lifeDefault   = "the default TTL"
	lifeHeuristic = "a guess from Last-Modified"
	lifePart      = "something on the page ends earlier"
	lifeUnknown   = "the route or the default"
)

const (
	mostPart  = 200 // bytes of a value that are shown
	mostParts = 64
)

type watchKey struct{}

// Watch returns a context for a request to [Pages.Serve] whose decision f is told,
// before the answer is complete on the wire or just after. In production
// (Config.Development is false) f is never called. f is called in the goroutine of
// the request and must not block.
func Watch(ctx context.Context, f func(Decision)) context.Context {
	return context.WithValue(ctx, watchKey{}, f)
}

// tell tells who watches the request.
func (p *Pages) tell(r *http.Request, d Decision) {
	if f, ok := r.Context().Value(watchKey{}).(func(Decision)); ok {
		f(d)
	}
}

// evidence is what details are made of.
type evidence struct {
	route   *Route
	url     string // normalised; empty if it was not looked at
	entry   *entry // nil if none was served or stored
	fields  []string
	deps    cache.Deps
	culprit *culprit
}

// evidence of an exchange as far as it has come.
func (x *exchange) evidence(kept Reason) evidence {
	ev := evidence{route: x.annotated(), url: x.target.url, entry: x.shown, deps: x.found.Deps, culprit: x.culprit}
	if x.scope != nil {
		ev.deps = x.scope.Deps()
	}
	if x.index != nil {
		ev.fields = x.index.fields
	} else if x.shown != nil && !x.shown.isIndex() && kept == ReasonStored {
		ev.fields, _ = varyFields(x.shown.header)
	}
	return ev
}

// details are those of one request.
func (p *Pages) details(r *http.Request, kept Reason, ev evidence) *Details {
	d := &Details{Code: ev.culprit.code(kept), Tags: namedTags(ev.deps.Tags)}
	if ev.entry != nil && !ev.entry.isIndex() {
		d.Life, d.LifeFrom = ev.entry.life, lifeSource(ev.entry, ev.route)
	}
	if ev.url != "" {
		d.Key = keyParts(r, ev)
	}
	return d
}

// namedTags are the tags that the application gave.
func namedTags(tags []cache.TagToken) (names []string) {
	for _, t := range tags {
		if !strings.HasPrefix(t.Name, urlPrefix) && !strings.HasPrefix(t.Name, directoryPrefix) {
			names = append(names, t.Name)
		}
	}
	return names
}

// URLParts are the parts of a key that follow from the URL alone. The error is a
// *[URLError].
func (p *Pages) URLParts(rawURL string) ([]KeyPart, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, &URLError{URL: rawURL}
	}
	q := splitQuery(u.RawQuery, &Route{strict: p.cfg.Strict, ignoreQuery: p.cfg.IgnoreQuery})
	return urlParts(joinURL(u.Scheme, hostOf(u.Host, u.Scheme), u.EscapedPath(), q.key)), nil
}

func urlParts(normalised string) []KeyPart {
	scheme, rest, _ := strings.Cut(normalised, "://")
	rest, query, _ := strings.Cut(rest, "?")
	host, path, _ := strings.Cut(rest, "/")
	parts := []KeyPart{{"scheme", scheme}, {"host", short(host)}, {"path", short("/" + path)}}
	if query != "" {
		parts = append(parts, KeyPart{"query", short(query)})
	}
	return parts
}

// keyParts are all that selected the page.
func keyParts(r *http.Request, ev evidence) []KeyPart {
	parts := urlParts(ev.url)
	for _, name := range ev.route.cookies {
		parts = append(parts, KeyPart{"cookie " + name, hidden(len(r.CookiesNamed(name)) > 0)})
	}
	fields := slices.Clone(ev.route.vary)
	for _, name := range ev.fields {
		if !slices.Contains(fields, name) && !(name == "Cookie" && len(ev.route.cookies) > 0) {
			fields = append(fields, name)
		}
	}
	for _, name := range fields {
		parts = append(parts, KeyPart{"header " + name, fieldValue(r.Header, name)})
	}
	for _, pair := range ev.deps.Vary {
		value := short(pair.Value)
		if pair.Absent {
			value = "(absent)"
		}
		parts = append(parts, KeyPart{"value " + pair.Name, value})
	}
	if ev.route.key != nil {
		for i, value := range ev.route.key(r) {
			parts = append(parts, KeyPart{"own part " + strconv.Itoa(i+1), short(value)})
		}
	}
	return parts[:min(len(parts), mostParts)]
}

func fieldValue(h http.Header, name string) string {
	values, there := h[name]
	switch {
	case name == "Cookie" || name == "Authorization" || name == "Proxy-Authorization":
		return hidden(there)
	case !there:
		return "(absent)"
	}
	return short(strings.Join(values, ", "))
}

func hidden(there bool) string {
	if there {
		return "(present)"
	}
	return "(absent)"
}

func short(text string) string {
	if len(text) <= mostPart {
		return text
	}
	return strings.ToValidUTF8(text[:mostPart], "") + "…"
}

// lifeSource says why an entry is fresh for as long as it is. Without a route, that
// and the default are not told apart.
func lifeSource(e *entry, route *Route) string {
	strict := route != nil && route.strict
	c := controlOf(e.header, e.born, strict)
	own := parseDirectives(e.header["Cache-Control"])
	life, from := time.Duration(-1), ""
	switch {
	case c.explicit && (c.sMaxAge >= 0 || c.maxAge >= 0):
		life, from = c.life, lifeMaxAge
		if c.sMaxAge >= 0 {
			from = lifeShared
		}
		if c.sMaxAge != own.sMaxAge || c.maxAge != own.maxAge {
			from = lifeTargeted
		}
	case c.explicit:
		life, from = c.life, lifeExpires
	case route == nil:
		return lifeUnknown
	default:
		life, from = routeLife(e, route)
	}
	if e.life < life {
		return lifePart
	}
	return from
}

// routeLife is the life that the route gives to answers like the entry.
func routeLife(e *entry, route *Route) (time.Duration, string) {
	if ttl, ok := route.statusTTL[e.status]; ok {
		return ttl, lifeStatus
	}
	switch {
	case route.ttl <= 0:
		return e.life, lifeHeuristic
	case route.byDefault:
		return route.ttl, lifeDefault
	}
	return route.ttl, lifeRoute
}
