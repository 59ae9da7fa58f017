package pagecache

import (
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

const (
	maxHeaderFields = 64
	maxHeaderBytes  = 16 << 10
)

// perResponse are headers that belong to one response and are never replayed.
var perResponse = map[string]bool{
	"Age": true, "Cache-Status": true, "Connection": true, "Content-Length": true, "Date": true, "Keep-Alive": true,
	"Proxy-Authenticate": true, "Proxy-Authentication-Info": true, "Proxy-Connection": true, "Ratelimit": true,
	"Ratelimit-Policy": true, "Ratelimit-Limit": true, "Ratelimit-Remaining": true, "Ratelimit-Reset": true,
	"Retry-After": true, "Server-Timing": true, "Set-Cookie": true, "Te": true, "Traceparent": true, "Tracestate": true,
	"Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "X-Request-Id": true, "X-Correlation-Id": true,
	"X-Ratelimit-Limit": true, "X-Ratelimit-Remaining": true, "X-Ratelimit-Reset": true,
}

// soundHeader reports whether the fields can be stored: net/http cleans CR and
// LF only on the wire, and what is stored has to be what was sent.
func soundHeader(h http.Header) bool {
	fields, size := 0, 0
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) {
			return false
		}
		for _, v := range values {
			fields++
			size += len(name) + len(v) + 4
			if !httpguts.ValidHeaderFieldValue(v) {
				return false
			}
		}
	}
	return fields <= maxHeaderFields && size <= maxHeaderBytes
}

// replayable returns the fields that the inner handler set or changed, without
// those of this one response: what outer middleware set it will set again.
func replayable(before, after http.Header) http.Header {
	drop := connectionNamed(after)
	kept := make(http.Header, len(after))
	for name, values := range after {
		name = http.CanonicalHeaderKey(name)
		if perResponse[name] || drop[name] || slices.Equal(before[name], values) {
			continue
		}
		kept[name] = slices.Clip(slices.Clone(values))
	}
	return kept
}

// connectionNamed are the fields that Connection declares hop-by-hop.
func connectionNamed(h http.Header) map[string]bool {
	var named map[string]bool
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if named == nil {
				named = make(map[string]bool)
			}
			named[http.CanonicalHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	return named
}
