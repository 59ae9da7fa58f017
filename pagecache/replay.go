package pagecache

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// replay answers from an entry.
func (x *exchange) replay(e *entry) error {
	h := x.w.Header()
	age := max(x.p.cfg.Now().Sub(e.born), 0)
	for name, values := range e.header {
		if name == "Vary" && len(h["Vary"]) > 0 {
			addVary(h, values)
			continue
		}
		h[name] = values
	}
	if e.etag != "" && x.codedOutside() {
		h["Etag"] = []string{x.wireTag(e)}
	}
	x.browserControl(h, age)
	s := x.p.secondly(e, age)
	h["Age"], h["Cache-Status"] = s.values[0], s.values[1]
	if x.p.cfg.ServerTiming {
		h["Server-Timing"] = append(slices.Clip(h["Server-Timing"]), s.values[2]...)
	}
	if len(h["Date"]) == 0 {
		h["Date"] = s.date
	}
	if e.status == http.StatusOK && (e.etag != "" || !e.lastMod.IsZero()) && notModified(x.r, e.etag, h.Get("Last-Modified")) {
		writeNotModified(x.w, h)
		return nil
	}
	if e.length != nil {
		h["Content-Length"] = e.length
	}
	x.w.WriteHeader(e.status)
	if x.r.Method == http.MethodHead || len(e.body) == 0 {
		return nil
	}
	_, _ = x.w.Write(e.body) // the client has gone: nobody is left to tell
	return nil
}

// codedOutside reports whether middleware outside, such as Echo's Gzip, is about
// to code the body: then its bytes are not those that the validator stands for.
func (x *exchange) codedOutside() bool {
	if len(x.r.Header["Accept-Encoding"]) == 0 || len(x.w.Header()["Content-Encoding"]) > 0 {
		return false
	}
	for _, line := range x.w.Header()["Vary"] {
		if strings.Contains(strings.ToLower(line), "accept-encoding") {
			return true
		}
	}
	return false
}

// wireTag is the entry's validator, weak where the bytes may change on the way
// (RFC 9110, section 8.8.3.3).
func (x *exchange) wireTag(e *entry) string {
	if x.codedOutside() && !strings.HasPrefix(e.etag, "W/") {
		return "W/" + e.etag
	}
	return e.etag
}

// addVary adds the field names that Vary does not have yet.
func addVary(h http.Header, lines []string) {
	have, star := varyFields(h)
	if star {
		return
	}
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			if name != "" && !slices.Contains(have, http.CanonicalHeaderKey(name)) {
				h["Vary"] = append(slices.Clip(h["Vary"]), name)
				have = append(have, http.CanonicalHeaderKey(name))
			}
		}
	}
}

// notModified judges If-None-Match, or else If-Modified-Since (RFC 9110,
// section 13.2.2).
func notModified(r *http.Request, etag, lastModified string) bool {
	if lines := r.Header["If-None-Match"]; len(lines) > 0 {
		return etag != "" && listsTag(lines, etag)
	}
	since := r.Header["If-Modified-Since"]
	if len(since) != 1 || lastModified == "" {
		return false
	}
	at, err := http.ParseTime(since[0])
	if err != nil {
		return false
	}
	mod, err := http.ParseTime(lastModified)
	return err == nil && !mod.Truncate(time.Second).After(at)
}

// listsTag compares weakly (RFC 9110, section 8.8.3.2).
func listsTag(lines []string, etag string) bool {
	etag = strings.TrimPrefix(etag, "W/")
	for _, line := range lines {
		for line != "" {
			line = strings.TrimLeft(line, " \t,")
			if strings.HasPrefix(line, "*") {
				return true
			}
			line = strings.TrimPrefix(line, "W/")
			if line == "" || line[0] != '"' {
				break // not a list of tags
			}
			end := strings.IndexByte(line[1:], '"')
			if end < 0 {
				break
			}
			if line[:end+2] == etag {
				return true
			}
			line = line[end+2:]
		}
	}
	return false
}

// writeNotModified keeps the fields that RFC 9110, section 15.4.5, asks for and
// drops those that describe a body.
func writeNotModified(w http.ResponseWriter, h http.Header) {
	for _, name := range [...]string{"Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Content-Range", "Transfer-Encoding"} {
		delete(h, name)
	}
	w.WriteHeader(http.StatusNotModified)
}
