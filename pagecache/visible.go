package pagecache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// forwarded are headers that proxies set and that visitors can forge. A page
// made from a forged one would be served to all.
var forwarded = []string{
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
	"X-Forwarded-Server", "X-Forwarded-Scheme", "X-Forwarded-Protocol", "X-Forwarded-Ssl", "X-Original-Url", "X-Original-Host", "X-Rewrite-Url",
	"X-Host", "X-Real-Ip", "X-Url-Scheme", "X-Client-Ip", "True-Client-Ip", "Front-End-Https",
}

// visible returns the request as a handler whose answer may be shared sees it:
// without undeclared cookies, ignored query parameters and forged headers.
// Whatever is not in the key is not there.
func (p *Pages) visible(r *http.Request, route *Route, t target) *http.Request {
	if route.strict {
		return r // everything is end to end
	}
	hide := anyPresent(r.Header, forwarded) && !p.trusts(r)
	cookies, cut := p.visibleCookies(r, route)
	if !hide && !cut && !t.cut {
		return r
	}
	clean := r.Clone(r.Context())
	if hide {
		for _, name := range forwarded {
			delete(clean.Header, name)
		}
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

// visibleCookies returns the cookie pairs that the handler may see, and whether
// others are there.
func (p *Pages) visibleCookies(r *http.Request, route *Route) (pairs []string, cut bool) {
	for _, line := range r.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.TrimSpace(pair)
			name, _, _ := strings.Cut(pair, "=")
			if p.seesCookie(route, strings.TrimSpace(name)) {
				pairs = append(pairs, pair)
			} else {
				cut = true
			}
		}
	}
	return pairs, cut
}

func (p *Pages) seesCookie(route *Route, name string) bool {
	return slices.Contains(route.cookies, name) || slices.Contains(route.allowCookies, name) || slices.Contains(p.cfg.SessionCookies, name)
}

// cookieValues returns all values of a cookie, with their number before them.
func cookieValues(r *http.Request, name string) []string {
	if len(r.Header["Cookie"]) == 0 {
		return []string{"absent"}
	}
	cookies := r.CookiesNamed(name)
	if len(cookies) == 0 {
		return []string{"absent"}
	}
	values := []string{strconv.Itoa(len(cookies))}
	for _, c := range cookies {
		values = append(values, c.Value)
	}
	return values
}

func hasCookie(r *http.Request, names []string) bool {
	if len(r.Header["Cookie"]) == 0 {
		return false
	}
	return slices.ContainsFunc(names, func(name string) bool { return len(r.CookiesNamed(name)) > 0 })
}
