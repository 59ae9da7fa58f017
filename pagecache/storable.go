package pagecache

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// explicitStatus are the final answers that are kept if they, or the route,
// say for how long; 200 is kept by the route's TTL.
var explicitStatus = map[int]bool{203: true, 204: true, 300: true, 301: true, 308: true, 404: true, 410: true}

// answer is what a handler made, as the decision sees it.
type answer struct {
	request *http.Request
	status  int
	header  http.Header // as sent; live, so that late additions are seen
	body    []byte
	state   recordState
	live    *liveParts // its holes
	text    []byte     // body without what is in them
	url     string     // of the request, normalised
	asked   time.Time
	arrived time.Time
}

// storable decides from request and answer alone whether the answer may be
// kept, and for how long. What the scope says comes later.
func storable(a *answer, route *Route) (s lifespan, why Reason) {
	if why = refusedByState(a); why != "" {
		return s, why
	}
	c := controlOf(a.header, a.arrived, route.strict)
	if why = refusedByControl(a, c, route); why != "" {
		return s, why
	}
	if why = refusedByHeader(a, route); why != "" {
		return s, why
	}
	if why = refusedByContent(a, route); why != "" {
		return s, why
	}
	return lifespanOf(a, c, route, a.age(route))
}

// age is how old the answer is as it arrives. What is made in this process is
// new when it is done, however long that took: a page that takes longer than its
// time to live could not be kept else.
func (a *answer) age(route *Route) time.Duration {
	if route.strict {
		return initialAge(a.header, a.asked, a.arrived)
	}
	return initialAge(a.header, a.arrived, a.arrived)
}

// refusedByState looks at how the answer came about.
func refusedByState(a *answer) Reason {
	switch {
	case a.state.failed:
		return ReasonError
	case a.state.cancelled:
		return ReasonCancelled
	case a.state.streamed:
		return ReasonStream
	case a.state.overflown:
		return ReasonTooLarge
	case parseDirectives(a.request.Header["Cache-Control"]).noStore:
		return ReasonNoStoreAsked
	}
	return ""
}

// refusedByControl looks at what the answer says to caches (RFC 9111, section
// 3).
func refusedByControl(a *answer, c control, route *Route) Reason {
	understood := c.mustUnderstand && http.StatusText(a.status) != ""
	switch {
	case c.private:
		return ReasonPrivate
	case route.strict && c.mustUnderstand && !understood:
		return ReasonStatus
	case c.noStore && !(route.strict && understood): // must-understand overrides it, section 5.2.2.3
		return ReasonNoStore
	case !route.strict && (c.noCache || pragmaNoCache(a.header)):
		return ReasonNoCache
	case len(a.request.Header["Authorization"]) > 0 && !sharedWithCredentials(c.directives):
		return ReasonAuthorization
	}
	return ""
}

// sharedWithCredentials reports what RFC 9111, section 3.5, asks for before the
// answer to a request with Authorization may be kept.
func sharedWithCredentials(d directives) bool {
	return d.public || d.sMaxAge >= 0 || d.mustRevalidate
}

// refusedByHeader looks at the other fields, and at what other middleware said
// on the same response.
func refusedByHeader(a *answer, route *Route) Reason {
	fields, star := varyFields(a.header)
	switch {
	case len(a.header["Set-Cookie"]) > 0:
		return ReasonSetCookie
	case star:
		return ReasonVaryStar
	case !soundHeader(a.header):
		return ReasonHeaders
	case hasNonce(a.header, a.kept()):
		return ReasonNonce
	case route.strict:
		return ""
	case contains(fields, "Cookie") && len(route.cookies) == 0:
		return ReasonVaryCookie
	case len(a.header["Trailer"]) > 0:
		return ReasonStream
	case len(a.header["Content-Encoding"]) > 0 && !contains(fields, "Accept-Encoding"):
		return ReasonEncoding
	}
	return ""
}

// refusedByContent looks at status and body.
func refusedByContent(a *answer, route *Route) Reason {
	kind := mediaType(a.header)
	switch {
	case !keepsStatus(a.status, route):
		return ReasonStatus
	case isEventStream(a.header):
		return ReasonStream
	case bodyAllowed(a.status) && declaredLength(a.header) >= 0 && declaredLength(a.header) != len(a.body):
		return ReasonLength
	case redirectsToItself(a, route):
		return ReasonLoop
	case !route.strict && a.status == http.StatusOK && len(a.body) == 0 && (kind == "" || kind == "text/html"):
		return ReasonEmpty
	}
	return ""
}

func isEventStream(h http.Header) bool { return mediaType(h) == "text/event-stream" }

// mediaType is the type in lower case, without parameters.
func mediaType(h http.Header) string {
	kind, _, _ := strings.Cut(first(h["Content-Type"]), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// keepsStatus reports whether answers with the status are kept at all. Parts,
// answers to conditions, and 1xx never are.
func keepsStatus(status int, route *Route) bool {
	if route.strict {
		return status >= 200 && status <= 599 && status != http.StatusPartialContent && status != http.StatusNotModified
	}
	return status == http.StatusOK || explicitStatus[status]
}

// declaredLength is Content-Length, -1 where there is none, and a length that
// nothing has where it is no number.
func declaredLength(h http.Header) int {
	lines := h["Content-Length"]
	if len(lines) == 0 {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || n < 0 || len(lines) > 1 {
		return 1 << 62
	}
	return n
}

func redirectsToItself(a *answer, route *Route) bool {
	location := a.header.Get("Location")
	if location == "" {
		return false
	}
	base, err := url.Parse(a.url)
	if err != nil {
		return true
	}
	to, err := base.Parse(location)
	if err != nil {
		return true
	}
	q := splitQuery(to.RawQuery, route)
	return joinURL(to.Scheme, hostOf(to.Host, to.Scheme), to.EscapedPath(), q.key) == a.url
}

// reflectsOrigin reports an answer that lets in just the site that asked, and does
// not say that it depends on it: browsers would shut others out.
func reflectsOrigin(r *http.Request, kept http.Header) bool {
	origin := r.Header["Origin"]
	return len(origin) > 0 && slices.Equal(origin[:1], kept["Access-Control-Allow-Origin"])
}

// hasNonce reports a Content-Security-Policy nonce that is part of the body, or
// that the handler itself set: replayed, it would be no nonce any more.
func hasNonce(h http.Header, body []byte) bool {
	for _, name := range [...]string{"Content-Security-Policy", "Content-Security-Policy-Report-Only"} {
		for _, policy := range h[name] {
			for rest := policy; ; {
				_, after, found := strings.Cut(rest, "'nonce-")
				if !found {
					break
				}
				nonce, tail, _ := strings.Cut(after, "'")
				if nonce != "" && bytes.Contains(body, []byte(nonce)) {
					return true
				}
				rest = tail
			}
		}
	}
	return false
}

func contains(sorted []string, name string) bool {
	for _, s := range sorted {
		if s == name {
			return true
		}
	}
	return false
}
