package pagecache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/echoic-go/echoic/cache"
)

// varyFields returns the request headers that the response says it depends on,
// canonical and sorted. star is "Vary: *" in any form.
func varyFields(h http.Header) (fields []string, star bool) {
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			switch {
			case name == "":
			case name == "*" || !isToken(name): // what cannot be read may be anything
				star = true
			default:
				fields = append(fields, http.CanonicalHeaderKey(name))
			}
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields), star
}

// AddVary adds the field names that Vary does not have yet.
func AddVary(h http.Header, names ...string) { addVary(h, names) }

// variantKey is the key of one variant of the page.
func (x *exchange) variantKey(fields []string) cache.Key {
	parts := []string{"vary"}
	for _, name := range fields {
		parts = appendHeader(parts, x.r.Header, name, x.route.strict)
	}
	return x.key.With(parts...)
}

// preferences brings an Accept-* header to one form: lower case, no spaces, by
// descending quality. The meaning stays the same. Of equal quality they stay in the
// order in which they came, which handlers take for a preference, if ordered. A
// header that has more than names and qualities has no such form: handlers see
// what it would lose.
func preferences(lines []string, ordered bool) (form string, ok bool) {
	type item struct {
		name string
		q    int // thousandths
	}
	var items []item
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			name, params, has := strings.Cut(part, ";")
			if name = strings.ToLower(strings.TrimSpace(name)); name == "" && !has {
				continue
			}
			if !isToken(name) || has && !isQuality(params) {
				return "", false
			}
			items = append(items, item{name, quality(params)})
		}
	}
	slices.SortStableFunc(items, func(a, b item) int {
		if a.q != b.q || ordered {
			return b.q - a.q
		}
		return strings.Compare(a.name, b.name)
	})
	var b strings.Builder
	for i, it := range slices.Compact(items) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(it.name)
		if it.q != 1000 {
			b.WriteString(";q=" + strconv.Itoa(it.q))
		}
	}
	return b.String(), true
}

// isQuality reports the parameter q with a value from 0 to 1 with at most three
// digits after the point (RFC 9110, section 12.4.2).
func isQuality(params string) bool {
	name, value, _ := strings.Cut(strings.TrimSpace(params), "=")
	whole, digits, _ := strings.Cut(value, ".")
	if name != "q" && name != "Q" || whole != "0" && whole != "1" || len(digits) > 3 {
		return false
	}
	return strings.Trim(digits, "0") == "" || whole == "0" && strings.Trim(digits, "0123456789") == ""
}

// quality reads the parameter q in thousandths; what is no quality counts as 0,
// the form in which nothing is asked for.
func quality(params string) int {
	name, value, ok := strings.Cut(params, "=")
	if !ok {
		return 1000
	}
	if !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 1000
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || q < 0 || q > 1 {
		return 0
	}
	return int(q*1000 + 0.5)
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}
