package pagecache

import (
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// forwarded reports a header that proxies set and that visitors can forge: what
// the URL, the host, the scheme or the client's address was. A page made from a
// forged one would be served to all.
func forwarded(name string) bool {
	return strings.HasPrefix(name, "X-Forwarded") || strings.HasPrefix(name, "X-Original") || strings.HasPrefix(name, "X-Rewrite-") || forwardedNames[name] || addresses[name]
}

var forwardedNames = map[string]bool{
	"Forwarded": true, "Proxy-Authorization": true, "Front-End-Https": true, "X-Scheme": true, "X-Url-Scheme": true,
	"Base-Url": true, "X-Base-Url": true, "X-Script-Name": true, "X-Envoy-Original-Path": true,
	"X-Host": true, "X-Host-Override": true, "X-Http-Host-Override": true, "X-Backend-Host": true, "Proxy-Host": true,
}

// addresses are those that say who asks, and not what for.
var addresses = map[string]bool{
	"X-Forwarded-For": true, "X-Original-Forwarded-For": true, "Proxy-Authorization": true,
	"Client-Ip": true, "True-Client-Ip": true, "X-Client-Ip": true, "X-Real-Ip": true, "X-Remote-Ip": true, "X-Remote-Addr": true,
	"X-Cluster-Client-Ip": true, "X-Proxyuser-Ip": true, "X-Envoy-External-Address": true, "X-Appengine-User-Ip": true, "X-Originating-Ip": true,
	"X-Azure-Clientip": true, "X-Azure-Socketip": true, "Cf-Connecting-Ip": true, "Cf-Connecting-Ipv6": true, "Fastly-Client-Ip": true,
}

// anyForwarded reports one of them.
func anyForwarded(h http.Header) bool {
	for name := range h {
		if forwarded(name) {
			return true
		}
	}
	return false
}

// told are the fields of a trusted proxy that say what was asked for, in the order of
// their names: handlers see them, so they are part of the key. A proxy passes many of
// them on as a visitor made them up.
func (p *Pages) told(r *http.Request) []string {
	if !p.anyTold(r) || !p.trusts(r) {
		return nil
	}
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if tells(name, r.Header[name]) {
			fields = append(append(fields, name, strconv.Itoa(len(r.Header[name]))), r.Header[name]...)
		}
	}
	return fields
}

// anyTold reports such a field, of whomever.
func (p *Pages) anyTold(r *http.Request) bool {
	if len(p.cfg.TrustedProxies) == 0 {
		return false
	}
	for name, lines := range r.Header {
		if tells(name, lines) {
			return true
		}
	}
	return false
}

// tells reports a forwarding field that says more than the scheme, which every key
// has, and the client's address.
func tells(name string, lines []string) bool {
	if !forwarded(name) || addresses[name] {
		return false
	}
	return name != "X-Forwarded-Proto" || len(lines) != 1 || lines[0] != "http" && lines[0] != "https"
}

// visible returns the request as a handler whose answer may be shared sees it:
// without undeclared cookies, ignored query parameters and forged headers.
// Whatever is not in the key is not there.
func (p *Pages) visible(r *http.Request, route *Route, t target) *http.Request {
	host := hostOf(r.Host, p.scheme(r))
	if route.strict { // everything else is end to end
		if host != r.Host {
			r = r.WithContext(r.Context())
			r.Host = host
		}
		return r
	}
	hide := anyForwarded(r.Header) && !p.trusts(r)
	cookies, cut := p.visibleCookies(r, route)
	if !hide && !cut && !t.cut && host == r.Host && plainTarget(r) {
		return r
	}
	clean := r.Clone(r.Context())
	clean.Host = host
	if hide {
		maps.DeleteFunc(clean.Header, func(name string, _ []string) bool { return forwarded(name) })
	}
	if !plainTarget(r) {
		plain(clean.URL)
		clean.RequestURI = clean.URL.RequestURI()
	}
	if cut {
		delete(clean.Header, "Cookie")
		if len(cookies) > 0 {
			clean.Header["Cookie"] = []string{strings.Join(cookies, "; ")}
		}
	}
	if t.cut {
		clean.URL.RawQuery = t.seen
		clean.Form, clean.PostForm = nil, nil // parsed from the visitor's query
		clean.RequestURI = clean.URL.RequestURI()
	}
	return clean
}

// plainTarget reports a request whose target is path and query, as those of all
// clients but proxies' are. Others bring a scheme, a user, and a host in any case
// that are in no key.
func plainTarget(r *http.Request) bool {
	return !r.URL.ForceQuery && (r.RequestURI == "" || r.RequestURI[0] == '/')
}

// plain leaves path and query of a URL.
func plain(u *url.URL) { u.Scheme, u.User, u.Host, u.ForceQuery = "", nil, "", false }

// cookiePairs yields names and pairs of the cookies as they came. Other parsers than
// Go's, which leaves out what it takes for none, may see all of them.
func cookiePairs(h http.Header) iter.Seq2[string, string] {
	return func(yield func(name, pair string) bool) {
		for _, line := range h["Cookie"] {
			for pair := range strings.SplitSeq(line, ";") {
				pair = strings.TrimSpace(pair)
				name, _, _ := strings.Cut(pair, "=")
				if !yield(strings.TrimSpace(name), pair) {
					return
				}
			}
		}
	}
}

// visibleCookies returns the cookie pairs that the handler may see, and whether
// others are there.
func (p *Pages) visibleCookies(r *http.Request, route *Route) (pairs []string, cut bool) {
	for name, pair := range cookiePairs(r.Header) {
		if p.seesCookie(route, name) {
			pairs = append(pairs, pair)
		} else {
			cut = true
		}
	}
	return pairs, cut
}

func (p *Pages) seesCookie(route *Route, name string) bool {
	return slices.Contains(route.cookies, name) || slices.Contains(route.allowCookies, name) || slices.Contains(p.cfg.SessionCookies, name)
}

// cookieValues returns all pairs of a cookie, with their number before them.
func cookieValues(r *http.Request, name string) []string {
	var pairs []string
	for n, pair := range cookiePairs(r.Header) {
		if n == name {
			pairs = append(pairs, pair)
		}
	}
	if len(pairs) == 0 {
		return []string{"absent"}
	}
	return append([]string{strconv.Itoa(len(pairs))}, pairs...)
}

func hasCookie(r *http.Request, names []string) bool {
	for name := range cookiePairs(r.Header) {
		if slices.Contains(names, name) {
			return true
		}
	}
	return false
}
