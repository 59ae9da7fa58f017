package pagecache

import (
	"bufio"
	"net"
	"net/http"
)

// statusWriter remembers the final status of an answer that passes through.
type statusWriter struct {
	http.ResponseWriter
	status int
	known  func(status int) // called before anything of the answer goes out; may be nil
}

func (w *statusWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.learn(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.learn(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

// learn takes the first status for that of the answer.
func (w *statusWriter) learn(status int) {
	if w.status != 0 {
		return
	}
	if w.status = status; w.known != nil {
		w.known(status)
	}
}

// FlushError and Hijack pass on what the writer below can.
func (w *statusWriter) FlushError() error {
	w.learn(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *statusWriter) Flush() { _ = w.FlushError() }

func (w *statusWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Unwrap lets http.ResponseController reach deadlines and the like.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
