package pagecache

import (
	"net/http"
	"strings"
	"time"
)

// conditions are the fields that can turn a 200 into something else.
var conditions = [...]string{"If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since", "If-Range"}

// precondition is the status with which the conditions of a request let an
// answer be sent that would be 200 without them: 200, 304 or 412 (RFC 9110,
// section 13.2.2). As origin it judges all of them; a cache between origin and
// client judges only those about None-Match and Modified-Since (RFC 9111, section
// 4.3.2).
func precondition(r *http.Request, etag, lastModified string, origin bool) int {
	if origin {
		if lines := r.Header["If-Match"]; len(lines) > 0 {
			if !listsTag(lines, etag, true) {
				return http.StatusPreconditionFailed
			}
		} else if since := r.Header["If-Unmodified-Since"]; len(since) > 0 && modifiedSince(since, lastModified) == modified {
			return http.StatusPreconditionFailed
		}
	}
	if lines := r.Header["If-None-Match"]; len(lines) > 0 {
		if listsTag(lines, etag, false) {
			return http.StatusNotModified
		}
		return http.StatusOK
	}
	if since := r.Header["If-Modified-Since"]; len(since) > 0 && modifiedSince(since, lastModified) == unmodified {
		return http.StatusNotModified
	}
	return http.StatusOK
}

type modification uint8

const (
	unknown modification = iota // a date is missing or none
	modified
	unmodified
)

func modifiedSince(since []string, lastModified string) modification {
	if len(since) != 1 || lastModified == "" {
		return unknown
	}
	at, ok := parseDate(since)
	if !ok {
		return unknown
	}
	mod, ok := httpDate(lastModified)
	switch {
	case !ok:
		return unknown
	case mod.Truncate(time.Second).After(at):
		return modified
	}
	return unmodified
}

// listsTag reports whether a list of entity tags has etag in it, or is "*".
// Strong comparison takes no weak tags (RFC 9110, section 8.8.3.2). An answer
// without a tag is in no list but "*".
func listsTag(lines []string, etag string, strong bool) bool {
	weak := strings.HasPrefix(etag, "W/")
	opaque := strings.TrimPrefix(etag, "W/")
	for _, line := range lines {
		if strings.Trim(line, " \t") == "*" {
			return true
		}
		for line != "" {
			line = strings.TrimLeft(line, " \t,")
			rest, theirsWeak := strings.CutPrefix(line, "W/")
			if rest == "" || rest[0] != '"' {
				break // not a list of tags
			}
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 || strings.ContainsFunc(rest[1:end+1], noTagChar) {
				break
			}
			if rest[:end+2] == opaque && !(strong && (weak || theirsWeak)) {
				return true
			}
			line = rest[end+2:]
			if line != "" && line[0] != ',' && line[0] != ' ' && line[0] != '\t' {
				break // something is glued to the tag
			}
		}
	}
	return false
}

// noTagChar reports what cannot stand in an entity tag (RFC 9110, section 8.8.3).
func noTagChar(c rune) bool { return c <= ' ' || c == 0x7f }

// bodyFields describe a body and stay out of a 304 (RFC 9110, section 15.4.5).
var bodyFields = [...]string{"Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Content-Range", "Transfer-Encoding"}

// writeBare sends a status without a body, and without the fields about one.
func writeBare(w http.ResponseWriter, h http.Header, status int) {
	for _, name := range bodyFields {
		delete(h, name)
	}
	if status == http.StatusPreconditionFailed {
		h["Content-Length"] = zeroLength
	}
	w.WriteHeader(status)
}

var zeroLength = []string{"0"}
