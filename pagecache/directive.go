package pagecache

import (
	"strings"
	"time"
)

// directives is a Cache-Control field (RFC 9111, section 5.2), read so that a
// doubt never allows more: of two values the stricter counts, a bad number is
// zero, a qualified private is private.
type directives struct {
	noStore, noCache, private, public bool
	mustRevalidate, proxyRevalidate   bool
	mustUnderstand, noTransform       bool
	onlyIfCached                      bool

	// noCacheFields are the field names of a qualified no-cache (section
	// 5.2.2.4), with commas between them.
	noCacheFields string

	// -1 where absent.
	maxAge, sMaxAge, minFresh, maxStale time.Duration
	whileRevalidate, ifError            time.Duration // RFC 5861
}

// maxDelta is what ages saturate at: RFC 9111, section 1.2.2.
const maxDelta = (1 << 31) * time.Second

// silent are the directives of a message without any.
var silent = directives{maxAge: -1, sMaxAge: -1, minFresh: -1, maxStale: -1, whileRevalidate: -1, ifError: -1}

// parseDirectives reads all lines of a Cache-Control-like field.
func parseDirectives(lines []string) directives {
	d := silent
	for _, line := range lines {
		for line != "" {
			var one directive
			one, line = nextDirective(line)
			d.apply(one)
		}
	}
	return d
}

// requestDirectives reads what a request asks for. Pragma counts only where
// Cache-Control is absent (RFC 9111, section 5.4).
func requestDirectives(cacheControl, pragma []string) directives {
	if len(cacheControl) > 0 || len(pragma) == 0 {
		return parseDirectives(cacheControl)
	}
	d := silent
	d.noCache = parseDirectives(pragma).noCache
	return d
}

// directive is one of them. The name is in lower case, the value without
// quotes.
type directive struct {
	name, value string
	quoted      bool
	open        bool // a quote that does not end: all that follows is in value
}

func (d *directives) apply(one directive) {
	if one.open {
		d.suspect(one.value)
		one.value = ""
	}
	switch one.name {
	case "no-store":
		d.noStore = true
	case "no-cache":
		d.applyNoCache(one)
	case "private":
		d.private = true
	case "public":
		d.public = true
	case "must-revalidate":
		d.mustRevalidate = true
	case "proxy-revalidate":
		d.proxyRevalidate = true
	case "must-understand":
		d.mustUnderstand = true
	case "no-transform":
		d.noTransform = true
	case "only-if-cached":
		d.onlyIfCached = true
	case "max-age":
		d.maxAge = lesser(d.maxAge, deltaSeconds(one.value))
	case "s-maxage":
		d.sMaxAge = lesser(d.sMaxAge, deltaSeconds(one.value))
	case "stale-while-revalidate":
		d.whileRevalidate = lesser(d.whileRevalidate, deltaSeconds(one.value))
	case "stale-if-error":
		d.ifError = lesser(d.ifError, deltaSeconds(one.value))
	case "min-fresh":
		d.minFresh = max(d.minFresh, deltaSeconds(one.value))
	case "max-stale":
		limit := deltaSeconds(one.value)
		if one.value == "" {
			limit = maxDelta // any staleness (section 5.2.1.2)
		}
		d.maxStale = lesser(d.maxStale, limit)
	default:
		d.suspect(one.name)
	}
}

// suspect looks for directives in what cannot be read, such as "no-store; private"
// or what stands in the wrong quotes: somebody meant them.
func (d *directives) suspect(text string) {
	other := func(c rune) bool { return c != '-' && (c < 'a' || c > 'z') }
	for word := range strings.FieldsFuncSeq(strings.ToLower(text), other) {
		switch word {
		case "no-store":
			d.noStore = true
		case "no-cache":
			d.noCache = true
		case "private":
			d.private = true
		}
	}
}

// applyNoCache takes the qualified form only in the way it is specified: quoted,
// and of field names. Whatever else stands there forbids all use.
func (d *directives) applyNoCache(one directive) {
	if !one.quoted {
		d.noCache = true
		return
	}
	names := 0
	for name := range strings.SplitSeq(one.value, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		if !isToken(name) {
			d.noCache = true
			return
		}
		names++
		d.noCacheFields += name + ","
	}
	d.noCache = d.noCache || names == 0
}

func lesser(have, next time.Duration) time.Duration {
	if have < 0 {
		return next
	}
	return min(have, next)
}

// deltaSeconds reads a number of seconds. What is none is zero: stale at once.
func deltaSeconds(s string) time.Duration {
	d, _ := readSeconds(s)
	return d
}

// readSeconds reads a number of seconds, saturated at maxDelta.
func readSeconds(s string) (d time.Duration, ok bool) {
	if s == "" {
		return 0, false
	}
	var n time.Duration
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		if n = n*10 + time.Duration(s[i]-'0'); n >= maxDelta/time.Second {
			n = maxDelta / time.Second
		}
	}
	return n * time.Second, true
}

// nextDirective takes one directive off the line. A comma within quotes
// separates nothing.
func nextDirective(line string) (d directive, rest string) {
	line = strings.TrimLeft(line, " \t,")
	end := strings.IndexAny(line, "=, \t")
	if end < 0 {
		return directive{name: strings.ToLower(line)}, ""
	}
	d.name, rest = strings.ToLower(line[:end]), strings.TrimLeft(line[end:], " \t")
	if rest == "" || rest[0] != '=' {
		return d, rest
	}
	rest = strings.TrimLeft(rest[1:], " \t")
	if rest == "" || rest[0] != '"' {
		if end = strings.IndexByte(rest, ','); end < 0 {
			end = len(rest)
		}
		d.value = strings.TrimSpace(rest[:end])
		return d, rest[end:]
	}
	d.quoted, d.open = true, true
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			d.value, d.open = b.String(), false
			return d, rest[i+1:]
		case '\\':
			if i++; i == len(rest) {
				d.value = b.String()
				return d, ""
			}
		}
		b.WriteByte(rest[i])
	}
	d.value = b.String()
	return d, "" // an open quote takes all there is
}
