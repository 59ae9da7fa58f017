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
// the key says. In the Strict profile nothing is dropped: there only the bounds
// count.
func oddQuery(raw string, strict bool) bool {
	if raw == "" {
		return false
	}
	if len(raw) > maxQueryBytes || strings.Count(raw, "&") >= maxQueryParams {
		return true
	}
	if strict {
		return false
	}
	if strings.IndexByte(raw, ';') >= 0 {
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

// query is what becomes of a request's query.
type query struct {
	seen string // for the handler: without ignored parameters, in the visitor's order
	key  string // for the key: sorted by name, the order of values of one name kept
	cut  bool   // parameters, or ampersands without any, are missing from both
	junk bool   // some of the rest are not declared by the route
}

// splitQuery takes the query apart. Two queries with one key give the handler
// the same values in the same order for every name.
func splitQuery(raw string, route *Route) query {
	if raw == "" {
		return query{}
	}
	type param struct{ name, text string }
	params := make([]param, 0, 8)
	q := query{seen: raw, key: raw}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			q.cut = true
			continue
		}
		name, _, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if !route.strict && (err != nil || route.ignores(name)) {
			q.cut = true
			continue
		}
		q.junk = q.junk || !route.declares(name)
		params = append(params, param{name, part})
	}
	if route.strict {
		return q // as it came: to another server the order may mean something
	}
	join := func() string {
		var b strings.Builder
		for i, p := range params {
			if i > 0 {
				b.WriteByte('&')
			}
			b.WriteString(p.text)
		}
		return b.String()
	}
	if q.cut {
		q.seen = join()
	}
	byName := func(a, b param) int { return strings.Compare(a.name, b.name) }
	if !q.cut && slices.IsSortedFunc(params, byName) {
		return q // most have one parameter
	}
	slices.SortStableFunc(params, byName)
	q.key = join()
	return q
}
