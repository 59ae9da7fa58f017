package session

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
)

// Writer is the response of a request with a session. It saves the session and
// sets the cookie before the header goes out, by whatever way it does; if the
// store fails, the client gets 503 instead of what the handler writes, and
// nothing of it.
//
// It is what [Manager.LoadAndSave] and middleware.Sessions are made of; the
// handler sees it as an http.ResponseWriter with Flush, Hijack and Unwrap.
type Writer struct {
	http.ResponseWriter

	visit   visit
	request *http.Request
	before  http.Header // the header as outer handlers had set it
	status  *int        // where to report a status of our own
	begun   bool        // the header is out, or about to be
	cause   error       // a failed store that an error page is being written for
	swallow bool        // the answer was replaced
}

// Open returns the writer and the request with which the handler has to be
// called, and after which [Writer.Finish] has to be called. Under a request that
// has a session of this manager already it returns nil and r.
func (m *Manager) Open(rw http.ResponseWriter, r *http.Request) (*Writer, *http.Request) {
	if m.visit(r.Context()) != nil {
		return nil, r
	}
	w := &Writer{ResponseWriter: rw}
	w.visit.Context, w.visit.m, w.visit.request, w.visit.varied = r.Context(), m, r, m.newVaried()
	if w.visit.assumed = assumedIn(r.Context()); w.visit.assumed == nil {
		conf := m.conf()
		if w.visit.token = presented(r.Header["Cookie"], conf.save.Cookie.Name); w.visit.token == "" && conf.cookie != "" {
			w.visit.token = presented(r.Header["Cookie"], conf.cookie)
		}
	}
	if h := rw.Header(); len(h) > 0 {
		w.before = maps.Clone(h)
	}
	w.request = r.WithContext(&w.visit)
	return w, w.request
}

// ReportStatus makes the writer store the status that it sends instead of the
// handler's in *status, for frameworks that remember it.
func (w *Writer) ReportStatus(status *int) { w.status = status }

// WriteHeader sends the header. Informational responses (1xx) but 101 come
// before the header and pass.
func (w *Writer) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.begin(status)
	}
	if !w.swallow {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write sends a part of the body.
func (w *Writer) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	if w.swallow {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// FlushError sends what is buffered; http.ResponseController calls it.
func (w *Writer) FlushError() error {
	w.begin(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush is FlushError for who asks for http.Flusher.
func (w *Writer) Flush() { _ = w.FlushError() }

// Hijack hands the connection over. The session is saved before; a new cookie is
// in Header for who writes the header by himself. If the session could not be
// saved, the client has its answer and the connection stays.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.begin(http.StatusSwitchingProtocols)
	if w.swallow {
		return nil, nil, errors.New("session: hijack: the session could not be saved, the request was answered with an error")
	}
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("session: hijack: %w", err)
	}
	return conn, rw, nil
}

// Unwrap lets http.ResponseController reach deadlines and the like.
func (w *Writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Begun reports whether the header is out: then nothing can be replaced.
func (w *Writer) Begun() bool { return w.begun }

// Finish has to be called when the handler has returned. It saves the session if
// nothing was written, and what changed since the header went out.
func (w *Writer) Finish() {
	switch {
	case !w.begun:
		w.begin(http.StatusOK)
	case w.cause == nil && !w.swallow:
		w.visit.settleLate()
	}
}

// Settle saves the session now, for a header that is about to go out through
// rw, and returns the writer through which the answer has to go on: rw, or one
// that has answered with an error. It is for frameworks whose error pages do not
// go through the Writer any more.
func (w *Writer) Settle(rw http.ResponseWriter, status int) http.ResponseWriter {
	if w.begun {
		return rw
	}
	end := &Writer{ResponseWriter: rw, request: w.request, before: w.before, status: w.status, cause: w.cause}
	w.begun, end.begun = true, true
	if err := w.prepare(rw.Header(), status); err != nil {
		end.replace(err, &w.visit)
		return end
	}
	return rw
}

// Fail discards what the handler set in the header and all that was to be saved,
// before an error page for a failed store is written. That page passes if its
// status is 503; whatever else is written is replaced.
func (w *Writer) Fail(cause *StoreError) {
	w.cause = cause
	w.clean(w.Header())
	w.visit.m.logFailure(cause)
}

// begin runs once, before the header goes out.
func (w *Writer) begin(status int) {
	if w.begun {
		return
	}
	w.begun = true
	if err := w.prepare(w.Header(), status); err != nil {
		w.replace(err, &w.visit)
	}
}

// prepare saves the session and completes the header. With an error, the answer
// has to be replaced.
func (w *Writer) prepare(h http.Header, status int) error {
	v := &w.visit
	switch {
	case w.cause != nil && status == http.StatusServiceUnavailable:
		h.Del("Set-Cookie")
		refuseHeader(h)
		return nil
	case w.cause != nil:
		return w.cause
	case v.denied.Load():
		return v.err
	case v.accesses() == 0 && !v.varied.used():
		return nil
	case v.assumed != nil && v.accesses() == 0:
		private(h) // as for a visitor who has the values
		return nil
	}
	cookie, err := v.settle()
	if err != nil {
		return err
	}
	if cookie != nil {
		setCookie(h, cookie)
		if old := v.m.conf().cookie; old != "" && cookie.MaxAge < 0 {
			forgotten := *cookie
			forgotten.Name = old
			setCookie(h, &forgotten)
		}
	}
	private(h)
	return nil
}

// replace answers with an error, and swallows the handler's answer.
func (w *Writer) replace(err error, v *visit) {
	w.clean(w.Header())
	w.swallow = true
	if err != w.cause {
		v.m.logFailure(err)
	}
	if w.status != nil {
		*w.status = statusOf(err)
	}
	v.m.conf().save.ErrorFunc(w.ResponseWriter, w.request, err)
}

// clean takes everything out of the header that was not set outside.
func (w *Writer) clean(h http.Header) {
	clear(h)
	maps.Copy(h, w.before)
}
