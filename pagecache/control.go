package pagecache

import (
	"net/http"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
)

// control is what an answer says about how it may be kept.
type control struct {
	directives
	life     time.Duration // how long it is fresh by its own words, from its birth
	explicit bool          // it said so
}

// controlOf reads the fields that speak to caches. CDN-Cache-Control goes before
// Cache-Control (RFC 9213), s-maxage before max-age before Expires (RFC 9111,
// section 4.2.1).
//
// A CDN-Cache-Control that can be read replaces the others altogether in the
// Strict profile. In App it only lengthens or shortens the life: what any of the
// fields forbids is forbidden. In both, what an unreadable one seems to forbid
// is.
func controlOf(h http.Header, now time.Time, strict bool) control {
	own := parseDirectives(h["Cache-Control"])
	lines := h["Cdn-Cache-Control"]
	if len(lines) == 0 {
		return control{directives: own}.withLife(h, now)
	}
	loose := parseDirectives(lines)
	targeted, ok := parseTargeted(lines)
	switch {
	case !ok:
		own.forbid(loose)
		return control{directives: own}.withLife(h, now)
	case strict:
		c := control{directives: targeted}
		c.forbid(loose)
		c.life, c.explicit = c.delta()
		return c
	}
	c := control{directives: own}
	c.forbid(targeted)
	c.forbid(loose)
	c.public = own.public || targeted.public
	if life, found := (control{directives: targeted}).delta(); found {
		c.maxAge, c.sMaxAge = life, targeted.sMaxAge
		c.whileRevalidate, c.ifError = targeted.whileRevalidate, targeted.ifError
		c.life, c.explicit = life, true
		return c
	}
	return c.withLife(h, now)
}

// forbid adds what the other directives forbid.
func (d *directives) forbid(o directives) {
	d.noStore = d.noStore || o.noStore
	d.noCache = d.noCache || o.noCache
	d.private = d.private || o.private
	d.mustRevalidate = d.mustRevalidate || o.mustRevalidate
	d.proxyRevalidate = d.proxyRevalidate || o.proxyRevalidate
	d.noCacheFields += o.noCacheFields
}

// delta is the life that directives give.
func (c control) delta() (time.Duration, bool) {
	switch {
	case c.sMaxAge >= 0:
		return c.sMaxAge, true
	case c.maxAge >= 0:
		return c.maxAge, true
	}
	return 0, false
}

func (c control) withLife(h http.Header, now time.Time) control {
	if c.life, c.explicit = c.delta(); c.explicit {
		return c
	}
	c.life, c.explicit = expiresLife(h, now)
	return c
}

// expiresLife is what Expires leaves after Date, or after now if there is no
// Date (RFC 9111, section 5.3). Nonsense, and "0" in particular, is over.
func expiresLife(h http.Header, now time.Time) (life time.Duration, explicit bool) {
	lines := h["Expires"]
	if len(lines) == 0 {
		return 0, false
	}
	at, ok := parseDate(lines)
	if !ok || len(lines) > 1 {
		return 0, true
	}
	if date, ok := parseDate(h["Date"]); ok {
		now = date
	}
	return between(now, at), true
}

// between is the time from a to b, neither negative nor beyond maxDelta. Sub
// saturates, so that no year overflows.
func between(a, b time.Time) time.Duration { return min(max(b.Sub(a), 0), maxDelta) }

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// parseTargeted reads a targeted field, which is a dictionary of RFC 8941. What
// cannot be read, or has a value of a wrong type, is no field at all (RFC 9213,
// section 2.1).
func parseTargeted(lines []string) (d directives, ok bool) {
	dict, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil || len(dict.Names()) == 0 {
		return silent, false
	}
	d = silent
	for _, name := range dict.Names() {
		member, _ := dict.Get(name)
		item, isItem := member.(httpsfv.Item)
		if !isItem {
			continue
		}
		switch value := item.Value.(type) {
		case bool:
			if value {
				d.apply(directive{name: name})
			}
			if takesSeconds(name) {
				return silent, false
			}
		case int64:
			if takesSeconds(name) && value >= 0 {
				d.setSeconds(name, min(value, int64(maxDelta/time.Second)))
			} else if takesSeconds(name) {
				return silent, false
			}
		case string:
			if takesSeconds(name) {
				return silent, false
			}
			d.apply(directive{name: name, value: value, quoted: true})
		default:
			if takesSeconds(name) {
				return silent, false
			}
		}
	}
	return d, true
}

func takesSeconds(name string) bool {
	switch name {
	case "max-age", "s-maxage", "stale-while-revalidate", "stale-if-error":
		return true
	}
	return false
}

func (d *directives) setSeconds(name string, seconds int64) {
	life := time.Duration(seconds) * time.Second
	switch name {
	case "max-age":
		d.maxAge = life
	case "s-maxage":
		d.sMaxAge = life
	case "stale-while-revalidate":
		d.whileRevalidate = life
	case "stale-if-error":
		d.ifError = life
	}
}

// pragmaNoCache counts only where Cache-Control is silent.
func pragmaNoCache(h http.Header) bool {
	return len(h["Cache-Control"]) == 0 && strings.EqualFold(strings.TrimSpace(first(h["Pragma"])), "no-cache")
}
