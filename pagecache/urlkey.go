package pagecache

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/echoic-go/echoic/cache"
)

// target is the URL of a request as the cache sees it.
type target struct {
	url  string   // scheme://host/path?sorted query
	seen string   // the query for the handler
	cut  bool     // the handler's query differs from the visitor's
	junk bool     // the key has query parameters that the route does not declare
	as   string   // the path as it was received, if it was rewritten on the way here
	told []string // fields of a trusted proxy that say what was asked for
}

// plain reports a target of which the URL is all that is in the key.
func (t target) plain() bool { return t.as == "" && len(t.told) == 0 }

// target normalises the request's URL: scheme and host in lower case, default
// port gone, path as received, query sorted by name.
func (p *Pages) target(r *http.Request, route *Route) target {
	q := splitQuery(r.URL.RawQuery, route)
	scheme := p.scheme(r)
	path := r.URL.EscapedPath()
	return target{url: joinURL(scheme, hostOf(r.Host, scheme), path, q.key), seen: q.seen, cut: q.cut, junk: q.junk, as: rewritten(r, path), told: p.told(r)}
}

// rewritten is the path as it was received, if that is another one: what one of two
// handlers is asked for that stand behind http.StripPrefix is no page of the other.
func rewritten(r *http.Request, path string) string {
	received, _, _ := strings.Cut(r.RequestURI, "?")
	if received == path || received == "" || received[0] != '/' {
		return ""
	}
	return strings.Clone(received)
}

func joinURL(scheme, host, path, query string) string {
	if path == "" {
		path = "/"
	}
	if query == "" {
		return scheme + "://" + host + path
	}
	return scheme + "://" + host + path + "?" + query
}

// scheme is the connection's; a trusted proxy may say otherwise.
func (p *Pages) scheme(r *http.Request) string {
	if proto := first(r.Header["X-Forwarded-Proto"]); proto != "" && p.trusts(r) {
		if strings.EqualFold(proto, "https") {
			return "https"
		}
		return "http"
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// hostOf brings a host to one form: lower case, no default port, no dot at the
// end of the name.
func hostOf(host, scheme string) string {
	for i := range len(host) {
		if c := host[i]; 'A' <= c && c <= 'Z' {
			host = strings.ToLower(host)
			break
		}
	}
	if scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	return strings.TrimSuffix(host, ".")
}

// locate finds the URL and the key of the request. A reason says why it has none
// that could be looked up.
func (x *exchange) locate() Reason {
	x.scheme = x.p.scheme(x.r)
	if at := x.p.places.of(x.r, x.route, x.scheme); at != nil && !x.p.anyTold(x.r) {
		x.target, x.key, x.placed = at.target, at.key, true
		return ""
	}
	switch {
	case oddPath(x.r):
		return ReasonPath
	case oddQuery(x.r.URL.RawQuery, x.route.strict):
		return ReasonQuery
	}
	x.target = x.p.target(x.r, x.route)
	x.key = x.p.baseKey(x.r, x.route, x.target)
	return ""
}

// baseKey is the key of a URL: what selects the page before Vary does.
func (p *Pages) baseKey(r *http.Request, route *Route, t target) cache.Key {
	if route.plain() && t.plain() {
		return cache.NewKey("page", t.url)
	}
	fields := []string{"page", t.url}
	if !t.plain() {
		fields = append(append(fields, "as", t.as, strconv.Itoa(len(t.told))), t.told...)
	}
	for _, name := range route.cookies {
		fields = append(fields, "cookie", name)
		fields = append(fields, cookieValues(r, name)...)
	}
	for _, name := range route.vary {
		fields = appendHeader(append(fields, "header"), r.Header, name, route.strict)
	}
	if route.key != nil {
		fields = append(append(fields, "key"), route.key(r)...) // last, so it needs no number
	}
	return cache.NewKey(fields...)
}

// URLTag is the tag that stands for the pages of a URL, in all its variants, in
// [Pages.Purge]. The URL is taken apart as a request's is, but keeps all query
// parameters. In a store outside the process the pages carry it.
func URLTag(rawURL string) (string, error) { return urlTagOf(rawURL, false) }

func urlTagOf(rawURL string, strict bool) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", &URLError{URL: rawURL}
	}
	q := splitQuery(u.RawQuery, &Route{strict: strict})
	return urlTag(joinURL(u.Scheme, hostOf(u.Host, u.Scheme), u.EscapedPath(), q.key)), nil
}

func urlTag(normalised string) string { return urlPrefix + normalised }

// urlTags are the tags that a page has for its URL and directories. Inside the process changes
// of URLs are counted instead: a tag would take as much room as a small page.
func (x *exchange) urlTags() []string {
	if x.p.local {
		return nil
	}
	return append(directoryTags(x.target.url), urlTag(x.target.url))
}

// URLError is a URL that cannot be purged because it names no page. Deep is a
// prefix with more segments than are kept apart.
type URLError struct {
	URL  string
	Deep bool
}

func (e *URLError) Error() string {
	if e.Deep {
		return "pagecache: URL " + quoted(e.URL) + " has more than eight segments: purge the first eight of them"
	}
	return "pagecache: URL " + quoted(e.URL) + ": give scheme, host and path, as in http://example.org/path"
}

func quoted(s string) string {
	if u, err := url.Parse(s); err == nil {
		s = u.Redacted()
	} else if len(s) > 0 {
		s = "(unreadable)"
	}
	return `"` + s + `"`
}

// single are request fields whose value is no list: a comma in them is text.
var single = map[string]bool{
	"User-Agent": true, "Cookie": true, "Authorization": true, "Proxy-Authorization": true, "Referer": true, "Origin": true, "Host": true, "From": true, "Date": true,
	"If-Modified-Since": true, "If-Unmodified-Since": true, "If-Range": true, "Content-Location": true,
}

// joinLines makes one line of several, and takes the white space around the
// commas of lists away, where nothing is in quotes.
func joinLines(name string, values []string) string {
	if single[name] {
		return strings.Join(values, ", ")
	}
	text := strings.Join(values, ",")
	if !strings.Contains(text, ",") || strings.Contains(text, `"`) {
		return text
	}
	members := strings.Split(text, ",")
	for i, m := range members {
		members[i] = strings.Trim(m, " \t")
	}
	return strings.Join(members, ",")
}

// appendHeader frames a request header: absent differs from empty, and two
// lines from one with a comma, unless they are joined, which RFC 9111, section
// 4.1, allows: before another server they mean the same.
func appendHeader(fields []string, h http.Header, name string, join bool) []string {
	values, ok := h[name]
	if !ok {
		return append(fields, name, "absent")
	}
	switch name {
	case "Accept-Encoding", "Accept-Language", "Accept-Charset":
		if form, ok := preferences(values, !join && name == "Accept-Language"); ok {
			return append(fields, name, "preferences", form)
		}
	}
	if join {
		return append(fields, name, "1", joinLines(name, values))
	}
	// The number keeps the values apart from the fields that follow.
	return append(append(fields, name, strconv.Itoa(len(values))), values...)
}
