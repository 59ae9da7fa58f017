package pagecache

import (
	"net/url"
	"slices"
	"strings"
)

const (
	maxQueryBytes  = 4 << 10
	maxQueryParams = 128
)

// oddQuery reports a query that Go's parser drops parts of (";", bad escapes),
// or that is too long to be in a key: what the handler sees would not be what
// the key says.
func oddQuery(raw string) bool {
	if raw == "" {
		return false
	}
	if len(raw) > maxQueryBytes || strings.IndexByte(raw, ';') >= 0 || strings.Count(raw, "&") >= maxQueryParams {
		return true
	}
	for i := range len(raw) {
		c := raw[i]
		if c <= ' ' || c >= 0x7f || (c == '%' && (len(raw) < i+3 || unhex(raw[i+1]) < 0 || unhex(raw[i+2]) < 0)) {
			return true
		}
	}
	return false
}

// splitQuery returns the query without ignored parameters, once as the handler
// gets it (the order is the visitor's) and once for the key (sorted by name, the
// order of values of one name kept).
func splitQuery(raw string, route *Route) (seen, key string, dropped bool) {
	if raw == "" {
		return "", "", false
	}
	type param struct{ name, text string }
	params := make([]param, 0, 8)
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, _, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil || route.ignores(name) {
			dropped = true
			continue
		}
		params = append(params, param{name, part})
	}
	seen = raw
	if dropped {
		texts := make([]string, len(params))
		for i, q := range params {
			texts[i] = q.text
		}
		seen = strings.Join(texts, "&")
	}
	slices.SortStableFunc(params, func(a, b param) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	for i, q := range params {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(q.text)
	}
	return seen, b.String(), dropped
}
