package pagecache

import (
	"bytes"
	"net/http"
	"net/url"
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
	url     string // of the request, normalised
}

// storable decides from request and answer alone whether the answer may be
// kept, and for how long. What the scope says comes later.
func storable(a *answer, route *Route, now time.Time) (ttl time.Duration, why Reason) {
	if why = refusedByState(a); why != "" {
		return 0, why
	}
	if why = refusedByHeader(a, route); why != "" {
		return 0, why
	}
	if why = refusedByContent(a); why != "" {
		return 0, why
	}
	return lifetime(a, route, now)
}

// refusedByState looks at how the answer came about.
func refusedByState(a *answer) Reason {
	switch {
	case a.state.failed:
		return ReasonError
	case a.request.Context().Err() != nil:
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

// refusedByHeader looks at what the answer says about itself, and at what other
// middleware said on the same response.
func refusedByHeader(a *answer, route *Route) Reason {
	own, cdn := parseDirectives(a.header["Cache-Control"]), parseDirectives(a.header["Cdn-Cache-Control"])
	fields, star := varyFields(a.header)
	switch {
	case len(a.header["Set-Cookie"]) > 0:
		return ReasonSetCookie
	case own.noStore || cdn.noStore:
		return ReasonNoStore
	case own.private || cdn.private:
		return ReasonPrivate
	case own.noCache || cdn.noCache, pragmaNoCache(a.header):
		return ReasonNoCache
	case star:
		return ReasonVaryStar
	case contains(fields, "Cookie") && len(route.cookies) == 0:
		return ReasonVaryCookie
	case len(a.request.Header["Authorization"]) > 0 && !sharedWithCredentials(own, cdn):
		return ReasonAuthorization
	case len(a.header["Trailer"]) > 0:
		return ReasonStream
	case len(a.header["Content-Encoding"]) > 0 && !contains(fields, "Accept-Encoding"):
		return ReasonEncoding
	case !soundHeader(a.header):
		return ReasonHeaders
	}
	return ""
}

// pragmaNoCache counts only where Cache-Control is silent (RFC 9111, 5.4).
func pragmaNoCache(h http.Header) bool {
	return len(h["Cache-Control"]) == 0 && strings.EqualFold(strings.TrimSpace(h.Get("Pragma")), "no-cache")
}

// sharedWithCredentials reports what RFC 9111, section 3.5, asks for before the
// answer to a request with Authorization may be kept.
func sharedWithCredentials(d ...directives) bool {
	for _, d := range d {
		if d.public || d.sMaxAge >= 0 || d.mustRevalidate {
			return true
		}
	}
	return false
}

// refusedByContent looks at status and body.
func refusedByContent(a *answer) Reason {
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	switch {
	case a.status != http.StatusOK && !explicitStatus[a.status]:
		return ReasonStatus
	case kind == "text/event-stream":
		return ReasonStream
	case declaredLength(a.header) >= 0 && declaredLength(a.header) != len(a.body):
		return ReasonLength
	case a.status == http.StatusOK && len(a.body) == 0 && (kind == "" || kind == "text/html"):
		return ReasonEmpty
	case redirectsToItself(a):
		return ReasonLoop
	case hasNonce(a.header, a.body):
		return ReasonNonce
	}
	return ""
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

func redirectsToItself(a *answer) bool {
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
	q := splitQuery(to.RawQuery, &Route{})
	return joinURL(to.Scheme, hostOf(to.Host, to.Scheme), to.EscapedPath(), q.key) == a.url
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

// lifetime is what is left of the freshness that the answer claims, or the
// route's TTL if it claims none.
func lifetime(a *answer, route *Route, now time.Time) (time.Duration, Reason) {
	life, explicit := freshness(a.header, now)
	if explicit {
		life -= ownAge(a.header)
	} else if ttl, ok := route.statusTTL[a.status]; ok {
		life = ttl
	} else if a.status == http.StatusOK {
		life = route.ttl
	}
	if life <= 0 {
		return 0, ReasonNotFresh
	}
	return life, ""
}

func contains(sorted []string, name string) bool {
	for _, s := range sorted {
		if s == name {
			return true
		}
	}
	return false
}
