package pagecache

import (
	"net/http"
	"slices"
	"strings"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/peer"
)

// overrideHeaders change the method in some frameworks behind this one.
var overrideHeaders = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// admit decides whether a request may be answered from the cache at all. The
// empty reason says yes.
func (p *Pages) admit(r *http.Request, route *Route) Reason {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return ReasonMethod
	case hasBody(r):
		return ReasonBody
	case anyPresent(r.Header, overrideHeaders):
		return ReasonOverride
	case len(r.Header["Upgrade"]) > 0:
		return ReasonUpgrade
	case takesOff(r.Header), route.strict && p.steered(r):
		return ReasonSteered
	case !p.hostAllowed(r.Host):
		return ReasonHost
	case route.strict && (len(r.Header["If-Match"]) > 0 || len(r.Header["If-Unmodified-Since"]) > 0):
		return ReasonMatch // RFC 9111, section 4.3.2
	case sourceReads(r) > 0:
		return ReasonTouched
	case len(route.allowCookies) > 0 && hasCookie(r, route.allowCookies):
		return ReasonCookie
	}
	return ""
}

// hasBody reports a body on a request. What r.Body is does not tell: middleware
// that reads bodies leaves an empty one behind.
func hasBody(r *http.Request) bool {
	return r.ContentLength != 0 || len(r.TransferEncoding) > 0
}

// takesOff reports a request whose Connection names a field that is there: a server
// in between takes it off, and what is behind answers another request than the key
// says.
func takesOff(h http.Header) bool {
	lines := h["Connection"]
	if len(lines) == 0 || len(lines) == 1 && (strings.EqualFold(lines[0], "close") || strings.EqualFold(lines[0], "keep-alive")) {
		return false
	}
	for name := range namedFields(lines, "") {
		if !hopByHop(name) && len(h[name]) > 0 {
			return true
		}
	}
	return false
}

// steered reports a field in which a client that is not trusted says what was asked
// for. In the Strict profile it reaches the server behind, which may believe it. What
// proxies overwrite themselves, and addresses, do not count.
func (p *Pages) steered(r *http.Request) bool {
	for name := range r.Header {
		if forwarded(name) && !addresses[name] && name != "X-Forwarded-Host" && name != "X-Forwarded-Proto" {
			return !p.trusts(r)
		}
	}
	return false
}

func anyPresent(h http.Header, names []string) bool {
	for _, name := range names {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

func (p *Pages) hostAllowed(host string) bool {
	if host == "" || len(host) > maxHostBytes || strings.ContainsAny(host, "/\\?#@% \t") {
		return false // or else its end could be read as a part of the path
	}
	return len(p.cfg.Hosts) == 0 || slices.ContainsFunc(p.cfg.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// maxPathBytes is the longest path that is part of a key, as [maxQueryBytes] is for
// queries.
const maxPathBytes = 4 << 10

// maxHostBytes is that of a host (RFC 1035, section 2.3.4, and a port).
const maxHostBytes = 255 + len(":65535")

// oddPath reports a path that another server, or the router behind, may read as
// a different one: then two URLs could share a page, or one page two URLs.
func oddPath(r *http.Request) bool {
	raw := r.URL.EscapedPath()
	if raw == "" || raw[0] != '/' || len(raw) > maxPathBytes || strings.Contains(raw, "//") {
		return true
	}
	if r.URL.RawPath != "" && r.URL.RawPath != raw {
		return true // it came with bytes that have to be coded, and no browser sends
	}
	for i := range len(raw) {
		switch c := raw[i]; {
		case c <= ' ' || c == 0x7f || c == '\\':
			return true
		case c == '%' && oddEscape(raw[i:]):
			return true
		}
	}
	return hasDots(r.URL.Path)
}

// oddEscape reports an escape of a separator, a control byte, or of a byte that
// routers decode into something with a meaning.
func oddEscape(s string) bool {
	if len(s) < 3 {
		return true
	}
	hi, lo := unhex(s[1]), unhex(s[2])
	if hi < 0 || lo < 0 {
		return true
	}
	c := byte(hi<<4 | lo)
	return c <= ' ' && c != ' ' || c == 0x7f || strings.IndexByte(`/\.%?#;`, c) >= 0
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func hasDots(p string) bool {
	if !strings.Contains(p, "/.") {
		return false
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// sourceReads asks the session, if there is one, how often it was used.
func sourceReads(r *http.Request) uint64 {
	if src, ok := r.Context().Value(cache.SourceKey{}).(cache.Source); ok {
		return src.Reads()
	}
	return 0
}

// Trusts reports whether the peer of a request is one of Config.TrustedProxies.
func (p *Pages) Trusts(r *http.Request) bool { return p.trusts(r) }

// trusts reports whether the peer's forwarding headers are believed.
func (p *Pages) trusts(r *http.Request) bool { return peer.Trusted(r.RemoteAddr, p.cfg.TrustedProxies) }
