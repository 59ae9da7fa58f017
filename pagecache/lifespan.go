package pagecache

import (
	"net/http"
	"time"
)

// lifespan is how long an answer is fresh and of what use it is afterwards. All
// times count from its birth.
type lifespan struct {
	life            time.Duration // fresh
	whileRevalidate time.Duration // after that, stale while it is refreshed (RFC 5861, section 3)
	ifError         time.Duration // after life, stale while the handler fails (section 4)
	keep            time.Duration // in the store
	validate        bool          // asked about before every use (no-cache)
	noStale         bool          // never served stale, whatever happens
	shared          bool          // may be served to requests with Authorization
	unkept          string        // fields that a qualified no-cache names
}

// lifespanOf says how long the answer, which is age old already, may be kept. A
// reason means not at all.
func lifespanOf(a *answer, c control, route *Route, age time.Duration) (s lifespan, why Reason) {
	s.validate, s.unkept, s.shared = c.noCache, c.noCacheFields, sharedWithCredentials(c.directives)
	if !s.validate {
		s.life = lifeOf(a, c, route)
	}
	s.noStale = c.noCache || c.mustRevalidate || c.proxyRevalidate
	asked := max(c.whileRevalidate, c.ifError) > 0
	if c.sMaxAge >= 0 && (route.strict || !asked) {
		s.noStale = true // s-maxage is proxy-revalidate (RFC 9111, section 5.2.2.10)
	}
	if !s.noStale {
		s.whileRevalidate, s.ifError = max(c.whileRevalidate, 0), max(c.ifError, 0)
		if s.life > age { // what is stale from the start is kept on the handler's word only
			s.whileRevalidate = orElse(c.whileRevalidate, route.whileRevalidate)
			s.ifError = orElse(c.ifError, route.ifError)
		}
	}
	s.keep = s.life + max(s.whileRevalidate, s.ifError)
	usable := s.life > age || asked && !s.noStale
	if route.strict || usable {
		s.keep = max(s.keep, keepBeyond(a.header, s, route, age))
	}
	if s.keep <= age || !route.strict && !usable {
		return s, ReasonNotFresh
	}
	return s, ""
}

func orElse(value, otherwise time.Duration) time.Duration {
	if value >= 0 {
		return value
	}
	return otherwise
}

// keepBeyond is how long an answer is kept although it is stale, because the
// handler can be asked whether it is still right, or because the Strict profile
// may serve it while the origin cannot be reached (RFC 9111, section 4.2.4).
func keepBeyond(h http.Header, s lifespan, route *Route, age time.Duration) time.Duration {
	switch {
	case hasValidator(h):
		return max(s.life, age) + route.keepStale
	case route.strict && !s.noStale && s.life > age:
		return s.life + route.keepStale
	}
	return 0
}

func hasValidator(h http.Header) bool {
	return first(h["Etag"]) != "" || first(h["Last-Modified"]) != ""
}

// lifeOf is the freshness that the answer claims, or that its route gives it, or
// that can be guessed.
func lifeOf(a *answer, c control, route *Route) time.Duration {
	if c.explicit {
		return c.life
	}
	if ttl, ok := route.statusTTL[a.status]; ok {
		return max(ttl, 0)
	}
	if a.status == http.StatusOK || route.strict && heuristicStatus[a.status] {
		if route.ttl > 0 {
			return route.ttl
		}
	}
	return heuristicLife(a, c, route)
}

// heuristicStatus are those that may be kept without a word of explicit
// freshness (RFC 9110, section 15.1).
var heuristicStatus = map[int]bool{200: true, 203: true, 204: true, 300: true, 301: true, 308: true, 404: true, 405: true, 410: true, 414: true, 501: true}

// maxHeuristicLife bounds guesses (RFC 9111, section 4.2.2).
const maxHeuristicLife = 24 * time.Hour

// heuristicLife is a fraction of the time since the last modification, if the
// configuration asks for guesses and the answer allows them.
func heuristicLife(a *answer, c control, route *Route) time.Duration {
	if route.heuristic <= 0 || !heuristicStatus[a.status] && !c.public {
		return 0
	}
	modified, ok := parseDate(a.header["Last-Modified"])
	if !ok {
		return 0
	}
	made := a.arrived
	if date, ok := parseDate(a.header["Date"]); ok {
		made = date
	}
	return min(time.Duration(float64(between(modified, made))*route.heuristic), maxHeuristicLife)
}
