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

// hopByHop reports fields that belong to one connection (RFC 9111, section 3.1), or
// that this cache makes itself.
func hopByHop(field string) bool {
	switch field {
	case "Age", "Connection", "Content-Length", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info",
		"Proxy-Authorization", "Proxy-Connection", "Set-Cookie", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// perResponse reports headers that belong to one response of an application and are
// never replayed by its own cache. They are end-to-end: before another server
// they stay.
func perResponse(field string) bool {
	switch field {
	case "Cache-Status", "Ratelimit", "Ratelimit-Policy", "Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset",
		"Retry-After", "Server-Timing", "Traceparent", "Tracestate", "X-Request-Id", "X-Correlation-Id", "X-Ratelimit-Limit",
		"X-Ratelimit-Remaining", "X-Ratelimit-Reset":
		return true
	}
	return false
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
// Fields that a qualified no-cache names are not kept: they may not be used again
// without asking (RFC 9111, section 5.2.2.4).
func replayable(before snapshot, after http.Header, unkept string, strict bool) http.Header {
	kept := make(http.Header, len(after))
	room := make([]string, 0, len(after)+2) // for all values, together
	drop := namedFields(after["Connection"], unkept)
	for name, values := range after {
		name = http.CanonicalHeaderKey(name)
		if hopByHop(name) || drop[name] || !strict && perResponse(name) || sameValues(before.of(name), values) {
			continue
		}
		from := len(room)
		room = append(room, values...)
		kept[name] = room[from:len(room):len(room)]
	}
	return kept
}

// sameValues reports whether outer middleware had set the field already.
func sameValues(before, after []string) bool {
	return (len(before) > 0 || len(after) == 0) && slices.Equal(before, after)
}

// namedFields are the field names in the lines of a list, and in list; nil if
// there are none.
func namedFields(lines []string, list string) map[string]bool {
	var named map[string]bool
	for _, line := range append(slices.Clip(lines), list) {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if named == nil {
				named = make(map[string]bool)
			}
			named[http.CanonicalHeaderKey(name)] = true
		}
	}
	return named
}

// bodyBound are fields about the body that was stored, which the body of a 304
// that was never sent cannot change (RFC 9111, section 3.2).
var bodyBound = map[string]bool{
	"Content-Encoding": true, "Content-Length": true, "Content-Md5": true, "Content-Range": true, "Digest": true, "Content-Digest": true, "Repr-Digest": true,
	"Etag": true,
}

// merge returns the stored fields, updated by those of a 304 or of an answer to
// HEAD. A field that comes again replaces all lines of the stored one.
func merge(stored, update http.Header) http.Header {
	merged := make(http.Header, len(stored)+len(update))
	for name, values := range stored {
		merged[name] = values
	}
	for name, values := range update {
		if !bodyBound[name] {
			merged[name] = values
		}
	}
	return merged
}
