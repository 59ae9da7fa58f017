package live

import (
	"net/http"
	"strings"
)

// Protect makes a header that of an answer with holes: nobody may store it, and
// it has no validator, since a 304 would let the client keep another value.
func Protect(h http.Header) {
	h["Cache-Control"] = []string{"private, no-store"}
	for _, name := range [...]string{"Etag", "Last-Modified", "Expires", "Pragma", "Accept-Ranges", "Surrogate-Control", "X-Accel-Expires"} {
		delete(h, name)
	}
	for name := range h {
		if strings.HasSuffix(name, "Cdn-Cache-Control") { // RFC 9213: it outranks Cache-Control
			delete(h, name)
		}
	}
}
