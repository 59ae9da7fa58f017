package pagecache

import (
	"bufio"
	"fmt"
	"net"
	"net/http"

	"github.com/echoic-go/echoic/cache/live"
)

// recordState is how an answer came about.
type recordState struct {
	wrote     bool // a final status is known
	streamed  bool // flushed or hijacked: it is on the wire before it is complete
	overflown bool // longer than what is kept
	failed    bool // the handler returned an error or panicked
	cancelled bool // nobody waited for it any more
}

// recorder stands between handler and connection. It holds the answer back until
// it is complete, so that it can get a validator and the handler's failure can
// still become a clean error page; an answer that is flushed, hijacked or too
// long goes out as it comes.
//
// With a gate (the Strict profile, before another server) nothing is held back:
// the answer goes out as it comes, and is kept at the same time.
type recorder struct {
	http.ResponseWriter

	limit  int
	before snapshot // what outer middleware had set
	status int
	fixed  snapshot    // the fields as they were when the status was written
	sent   http.Header // the same with a gate, for who looks into it
	body   []byte
	state  recordState
	passes bool // everything goes straight through

	gate func(status int) bool // whether the answer goes to the client as it comes
	mute bool                  // it does not

	unwanted bool // the body is not collected

	live *live.Recording // of holes; nil if there can be none

	culprit *culprit // nil in production
}

func newRecorder(w http.ResponseWriter, limit int, gate func(status int) bool) *recorder {
	rec := new(recorder)
	rec.init(w, limit, gate)
	return rec
}

func (rec *recorder) init(w http.ResponseWriter, limit int, gate func(status int) bool) {
	rec.ResponseWriter, rec.limit, rec.before, rec.gate = w, limit, snapshotOf(w.Header()), gate
}

// Header is that of the writer below; in development it is noted who asks for it.
func (rec *recorder) Header() http.Header {
	h := rec.ResponseWriter.Header()
	rec.culprit.header(h)
	return h
}

// WriteHeader remembers the first final status. 1xx go out at once and are never
// part of what is kept (RFC 9110, section 15.2).
func (rec *recorder) WriteHeader(status int) {
	switch {
	case rec.passes && rec.gate == nil:
		rec.ResponseWriter.WriteHeader(status)
	case status == http.StatusSwitchingProtocols:
		rec.status, rec.state.streamed, rec.state.wrote = status, true, true
		rec.fixed = snapshotOf(rec.Header())
		rec.release()
	case status < 200:
		rec.ResponseWriter.WriteHeader(status)
	case !rec.state.wrote:
		rec.state.wrote, rec.status = true, status
		if rec.gate == nil {
			rec.fixed = snapshotOf(rec.Header())
			return
		}
		rec.sent = cloneHeader(rec.Header())
		rec.open()
	}
}

// open sends the header at once, unless the gate wants the answer for itself.
func (rec *recorder) open() {
	if rec.mute = !rec.gate(rec.status); rec.mute {
		return
	}
	rec.passes = true
	if declaredLength(rec.sent) > rec.limit && len(rec.sent["Content-Length"]) > 0 {
		rec.state.overflown = true
	}
	rec.ResponseWriter.WriteHeader(rec.status)
}

// Write keeps what is written, up to the limit.
func (rec *recorder) Write(b []byte) (int, error) {
	if !rec.state.wrote && !rec.passes {
		rec.WriteHeader(http.StatusOK)
	}
	if rec.gate != nil {
		return rec.pass(b)
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

// pass sends b on and keeps a copy. While it is kept, a client that has gone does
// not stop the answer: others may be waiting for it.
func (rec *recorder) pass(b []byte) (int, error) {
	if !rec.unwanted && !rec.state.overflown && len(rec.body)+len(b) > rec.limit {
		rec.state.overflown, rec.body = true, nil
	}
	kept := !rec.state.overflown && !rec.state.streamed && !rec.unwanted
	if kept {
		rec.body = append(rec.body, b...)
	}
	if rec.mute {
		return len(b), nil
	}
	n, err := rec.ResponseWriter.Write(b)
	if kept {
		return len(b), nil
	}
	return n, err
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
		if rec.live.Live() {
			live.Protect(rec.Header())
		}
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
	if h := rec.Header(); !rec.fixed.is(h) {
		rec.fixed.restore(h)
	}
}

// FlushError makes the answer a stream, unless it is sent as it comes anyway.
func (rec *recorder) FlushError() error {
	if rec.mute {
		return nil
	}
	if !rec.passes {
		if !rec.state.wrote {
			rec.WriteHeader(http.StatusOK)
		}
		if rec.gate == nil {
			rec.state.streamed = true
			rec.release()
		}
	}
	if rec.mute { // since just now
		return nil
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
// header, so that another one can be written instead.
func (rec *recorder) discard() {
	if rec.passes {
		return
	}
	rec.before.restore(rec.Header())
	rec.body, rec.status, rec.state.wrote, rec.fixed, rec.sent = nil, 0, false, nil, nil
}

// Discarded reports whether w holds back an answer that a panic cut short:
// nothing of it has been or will be sent, whatever its status was.
func Discarded(w http.ResponseWriter) bool {
	rec, ok := w.(*recorder)
	return ok && !rec.passes && !rec.state.wrote
}
