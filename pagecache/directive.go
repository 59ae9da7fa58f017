package pagecache

import (
	"net/http"
	"strings"
	"time"
)

// directives is a Cache-Control field (RFC 9111, section 5.2), read so that a
// doubt never allows more: of two values the smaller counts, a bad number is
// zero, a qualified private is private.
type directives struct {
	noStore, noCache, private, public, mustRevalidate, onlyIfCached bool

	maxAge, sMaxAge time.Duration // -1 where absent
}

// maxDelta is what ages saturate at: RFC 9111, section 1.2.2.
const maxDelta = (1 << 31) * time.Second

// parseDirectives reads all lines of a Cache-Control-like field.
func parseDirectives(lines []string) directives {
	d := directives{maxAge: -1, sMaxAge: -1}
	for _, line := range lines {
		for line != "" {
			var name, value string
			name, value, line = nextDirective(line)
			d.apply(name, value)
		}
	}
	return d
}

func (d *directives) apply(name, value string) {
	switch name {
	case "no-store":
		d.noStore = true
	case "no-cache":
		d.noCache = true
	case "private":
		d.private = true
	case "public":
		d.public = true
	case "must-revalidate", "proxy-revalidate":
		d.mustRevalidate = true
	case "only-if-cached":
		d.onlyIfCached = true
	case "max-age":
		d.maxAge = lesser(d.maxAge, deltaSeconds(value))
	case "s-maxage":
		d.sMaxAge = lesser(d.sMaxAge, deltaSeconds(value))
	}
}

func lesser(have, next time.Duration) time.Duration {
	if have < 0 {
		return next
	}
	return min(have, next)
}

// deltaSeconds reads a number of seconds. What is none is zero: stale at once.
func deltaSeconds(s string) time.Duration {
	if s == "" {
		return 0
	}
	var n time.Duration
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0
		}
		if n = n*10 + time.Duration(s[i]-'0'); n >= maxDelta/time.Second {
			n = maxDelta / time.Second
		}
	}
	return n * time.Second
}

// nextDirective takes one directive off the line. Names come in lower case,
// values without quotes; a comma within quotes separates nothing.
func nextDirective(line string) (name, value, rest string) {
	line = strings.TrimLeft(line, " \t,")
	end := strings.IndexAny(line, "=, \t")
	if end < 0 {
		return strings.ToLower(line), "", ""
	}
	name, rest = strings.ToLower(line[:end]), strings.TrimLeft(line[end:], " \t")
	if rest == "" || rest[0] != '=' {
		return name, "", rest
	}
	rest = strings.TrimLeft(rest[1:], " \t")
	if rest == "" || rest[0] != '"' {
		if end = strings.IndexByte(rest, ','); end < 0 {
			end = len(rest)
		}
		return name, strings.TrimSpace(rest[:end]), rest[end:]
	}
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			return name, b.String(), rest[i+1:]
		case '\\':
			if i++; i == len(rest) {
				return name, b.String(), ""
			}
		}
		b.WriteByte(rest[i])
	}
	return name, b.String(), "" // an open quote takes all there is
}

// freshness returns how long the response is fresh by its own words, and
// whether it said so: CDN-Cache-Control (RFC 9213) before s-maxage before
// max-age before Expires (RFC 9111, section 4.2.1).
func freshness(h http.Header, now time.Time) (life time.Duration, explicit bool) {
	own, cdn := parseDirectives(h["Cache-Control"]), parseDirectives(h["Cdn-Cache-Control"])
	for _, d := range [...]time.Duration{cdn.sMaxAge, cdn.maxAge, own.sMaxAge, own.maxAge} {
		if d >= 0 {
			return d, true
		}
	}
	lines := h["Expires"]
	if len(lines) == 0 {
		return 0, false
	}
	at, err := http.ParseTime(lines[0])
	if err != nil || len(lines) > 1 {
		return 0, true // "0" and other nonsense: already over
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), maxDelta), true
}

// ownAge is the age that the response came with, from a cache further back.
func ownAge(h http.Header) time.Duration {
	lines := h["Age"]
	if len(lines) == 0 {
		return 0
	}
	return deltaSeconds(strings.TrimSpace(lines[0]))
}
