package pagecache

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// replay answers from an entry of the store.
func (x *exchange) replay(e *entry, age time.Duration, why Reason) error {
	if err := x.fill(e); err != nil {
		return x.unfilled(err)
	}
	x.shown = e
	x.p.explain(x, why, "", e.status, age)
	if x.p.cfg.OnHit != nil {
		x.p.cfg.OnHit(Hit{Request: x.r, Status: e.status, Bytes: len(e.body), Age: age, Reason: why})
	}
	return x.answer(e, age, "", why)
}

// answer sends an entry. The status is the value of Cache-Status; empty stands
// for that of a hit.
func (x *exchange) answer(e *entry, age time.Duration, status string, why Reason) error {
	h := x.w.Header()
	for i := range e.lines {
		h[e.lines[i].name] = e.lines[i].values
	}
	if len(e.vary) > 0 {
		if len(h["Vary"]) > 0 {
			addVary(h, e.vary)
		} else {
			h["Vary"] = e.vary
		}
	}
	s := sendable{status: e.status, etag: e.etag, lastModified: e.lmText, modified: e.lastMod, body: e.body, length: e.length, stored: true}
	if e.live != nil {
		s = x.sendFilled(h, e)
	} else if x.codedOutside() {
		if e.etag != "" {
			h["Etag"] = []string{x.wireTag(e)}
		}
	} else if e.codable {
		x.code(h, e, &s)
	}
	if !x.route.strict {
		x.browserControl(h, age)
	}
	sec := x.p.secondly(e, age)
	h["Age"] = sec.values[0]
	if x.route.strict && s.lastModified == "" {
		s.lastModified = sec.date[0] // RFC 9111, section 4.3.2
	}
	if status != "" {
		h["Cache-Status"] = append(slices.Clip(e.header["Cache-Status"]), status)
	} else {
		h["Cache-Status"] = sec.values[1]
	}
	if x.p.cfg.ServerTiming {
		h["Server-Timing"] = append(slices.Clip(h["Server-Timing"]), sec.values[2]...)
	}
	if e.dated || len(h["Date"]) == 0 {
		h["Date"] = sec.date
	}
	x.emit(h, s)
	return nil
}

// sendable is an answer on its way to the client.
type sendable struct {
	status             int
	etag, lastModified string
	modified           time.Time
	body               []byte
	length             []string // nil leaves it to the writer
	stored             bool     // by this cache: ranges are cut from it
	live               bool     // with holes: it is sent whole, whatever the client has
}

// maxRanges is the most parts of a body that a request may ask for: many small
// ones would make more answer than body.
const maxRanges = 16

// emit sends the answer under the conditions and the range of the request. The
// header is complete but for what follows from them.
func (x *exchange) emit(h http.Header, s sendable) {
	x.sent = true
	if s.status == http.StatusOK && !s.live {
		if status := precondition(x.r, s.etag, s.lastModified, !x.route.strict); status != http.StatusOK {
			writeBare(x.w, h, status)
			return
		}
		if ranges := x.ranges(); s.stored && ranges != "" {
			x.part(h, s, ranges)
			return
		}
	}
	if s.length != nil {
		h["Content-Length"] = s.length
	}
	x.w.WriteHeader(s.status)
	if x.r.Method == http.MethodHead || len(s.body) == 0 {
		return
	}
	_, _ = x.w.Write(s.body) // the client has gone: nobody is left to tell
}

// ranges is what the request asks for in bytes, in the form that net/http reads;
// empty if the whole is to be sent. Other units are ignored, and so are bytes of
// a body that middleware outside is about to code.
func (x *exchange) ranges() string {
	lines := x.r.Header["Range"]
	if len(lines) == 0 || x.r.Method != http.MethodGet || strings.Count(lines[0], ",") >= maxRanges || x.codedOutside() {
		return ""
	}
	unit, set, found := strings.Cut(lines[0], "=")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return ""
	}
	return "bytes=" + set
}

// part sends the parts that Range and If-Range ask for (RFC 9110, section 14).
// net/http does that; the conditions have been judged.
func (x *exchange) part(h http.Header, s sendable, ranges string) {
	r := &http.Request{Method: http.MethodGet, Header: http.Header{"Range": {ranges}}}
	if ifRange := x.r.Header["If-Range"]; len(ifRange) > 0 {
		r.Header["If-Range"] = ifRange
	}
	http.ServeContent(&keepsModified{ResponseWriter: x.w, lines: h["Last-Modified"]}, r, "", s.modified, bytes.NewReader(s.body))
}

// keepsModified is a writer on which Last-Modified stays as it was stored:
// net/http writes dates of another form anew.
type keepsModified struct {
	http.ResponseWriter
	lines []string
}

func (w *keepsModified) WriteHeader(status int) {
	if len(w.lines) > 0 && status != http.StatusRequestedRangeNotSatisfiable {
		w.Header()["Last-Modified"] = w.lines
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach deadlines and the like.
func (w *keepsModified) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func lengthOf(body []byte) string { return strconv.Itoa(len(body)) }

// browserControl is on the wire only: a purge has to reach browsers.
func (x *exchange) browserControl(h http.Header, age time.Duration) {
	if len(h["Cache-Control"]) > 0 {
		return
	}
	if ttl := x.annotated().browserTTL; ttl > 0 {
		h["Cache-Control"] = []string{"max-age=" + strconv.FormatInt(int64((ttl+age)/time.Second), 10)}
		return
	}
	h["Cache-Control"] = noCacheValue
}

var noCacheValue = []string{"no-cache"}

// codedOutside reports whether middleware outside, such as Echo's Gzip, is about
// to code the body: then its bytes are not those that the validator stands for.
func (x *exchange) codedOutside() bool {
	return x.outerVaries && len(x.r.Header["Accept-Encoding"]) > 0 && len(x.w.Header()["Content-Encoding"]) == 0
}

// variesByCoding reports whether Vary names Accept-Encoding.
func variesByCoding(lines []string) bool {
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(name), "Accept-Encoding") {
				return true
			}
		}
	}
	return false
}

// wireTag is the entry's validator, weak where the bytes may change on the way
// (RFC 9110, section 8.8.3.3).
func (x *exchange) wireTag(e *entry) string {
	if x.codedOutside() && !isWeak(e.etag) {
		return "W/" + e.etag
	}
	return e.etag
}

// addVary adds the field names that Vary does not have yet.
func addVary(h http.Header, lines []string) {
	if len(lines) == 0 {
		return
	}
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
