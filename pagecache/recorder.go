package pagecache

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
)

// recordState is how an answer came about.
type recordState struct {
	wrote     bool // a final status is known
	streamed  bool // flushed or hijacked: it is on the wire before it is complete
	overflown bool // longer than what is kept
	failed    bool // the handler returned an error or panicked
}

// recorder stands between handler and connection. It holds the answer back until
// it is complete, so that it can get a validator and the handler's failure can
// still become a clean error page; an answer that is flushed, hijacked or too
// long goes out as it comes.
type recorder struct {
	http.ResponseWriter

	limit  int
	before http.Header // what outer middleware had set
	status int
	fixed  http.Header // the fields as they were when the status was written
	body   []byte
	state  recordState
	passes bool // everything goes straight through
}

func newRecorder(w http.ResponseWriter, limit int) *recorder {
	return &recorder{ResponseWriter: w, limit: limit, before: cloneHeader(w.Header())}
}

// cloneHeader copies the map; the slices are shared, and their ends are clipped
// so that appending to one does not write into the other.
func cloneHeader(h http.Header) http.Header {
	c := maps.Clone(h)
	for name, values := range c {
		c[name] = slices.Clip(values)
	}
	return c
}

// WriteHeader remembers the first final status. 1xx go out at once and are never
// part of what is kept (RFC 9110, section 15.2).
func (rec *recorder) WriteHeader(status int) {
	switch {
	case rec.passes:
		rec.ResponseWriter.WriteHeader(status)
	case status == http.StatusSwitchingProtocols:
		rec.status, rec.state.streamed = status, true
		rec.release()
	case status < 200:
		rec.ResponseWriter.WriteHeader(status)
	case !rec.state.wrote:
		rec.state.wrote, rec.status = true, status
		rec.fixed = cloneHeader(rec.Header())
	}
}

// Write keeps what is written, up to the limit.
func (rec *recorder) Write(b []byte) (int, error) {
	if !rec.passes && !rec.state.wrote {
		rec.WriteHeader(http.StatusOK)
	}
	if !rec.passes && len(rec.body)+len(b) > rec.limit {
		rec.state.overflown = true
		rec.release()
	}
	if rec.passes {
		return rec.ResponseWriter.Write(b)
	}
	rec.body = append(rec.body, b...)
	return len(b), nil
}

// WriteString saves a copy.
func (rec *recorder) WriteString(s string) (int, error) { return rec.Write([]byte(s)) }

// release sends what was held back and lets everything else through.
func (rec *recorder) release() {
	if rec.passes {
		return
	}
	rec.passes = true
	if rec.status != 0 {
		rec.restore()
		rec.ResponseWriter.WriteHeader(rec.status)
	}
	if len(rec.body) > 0 {
		_, _ = rec.ResponseWriter.Write(rec.body)
	}
	rec.body = nil
}

// restore undoes changes of the header after the status was written: on a bare
// net/http writer they would have had no effect.
func (rec *recorder) restore() {
	if rec.fixed == nil {
		return
	}
	h := rec.Header()
	clear(h)
	maps.Copy(h, rec.fixed)
}

// FlushError makes the answer a stream.
func (rec *recorder) FlushError() error {
	if !rec.passes {
		if !rec.state.wrote {
			rec.WriteHeader(http.StatusOK)
		}
		rec.state.streamed = true
		rec.release()
	}
	return http.NewResponseController(rec.ResponseWriter).Flush()
}

// Flush is FlushError for who asks for http.Flusher.
func (rec *recorder) Flush() { _ = rec.FlushError() }

// Hijack hands the connection over; nothing of it is kept.
func (rec *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	rec.state.streamed, rec.passes = true, true
	conn, rw, err := http.NewResponseController(rec.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("pagecache: hijack: %w", err)
	}
	return conn, rw, nil
}

// Unwrap lets http.ResponseController reach deadlines and the like.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// discard forgets an answer that never got out, and what the handler did to the
// header, so that an error page can be written instead.
func (rec *recorder) discard() {
	if rec.passes {
		return
	}
	h := rec.Header()
	clear(h)
	maps.Copy(h, rec.before)
	rec.body, rec.status, rec.state.wrote, rec.fixed = nil, 0, false, nil
}

// Discarded reports whether w holds back an answer that a panic cut short:
// nothing of it has been or will be sent, whatever its status was.
func Discarded(w http.ResponseWriter) bool {
	rec, ok := w.(*recorder)
	return ok && !rec.passes && !rec.state.wrote
}
