package session

import (
	"errors"
	"net/http"
)

// LoadAndSave is the middleware for net/http: the session is there under the
// request's context, is loaded when it is touched, and saved before the first
// byte of the answer. If the store fails, the answer is 503 (or what ErrorFunc
// writes). An answer that did not touch the session is left as it is.
//
// Under Echo use middleware.Sessions: Echo writes its error pages after its
// middlewares have returned.
func (m *Manager) LoadAndSave(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		outer := r
		w, r := m.Open(rw, outer)
		if w == nil {
			next.ServeHTTP(rw, outer)
			return
		}
		defer func() { // what a form has left on the disk: net/http removes only that of outer
			if r.MultipartForm != nil && outer.MultipartForm == nil {
				_ = r.MultipartForm.RemoveAll()
			}
		}()
		defer w.recoverLoad()
		next.ServeHTTP(w, r)
		w.Finish()
	})
}

// recoverLoad turns the panic of a getter whose store failed into the answer.
func (w *Writer) recoverLoad() {
	p := recover()
	if p == nil {
		return
	}
	var failed *StoreError
	err, ok := p.(error)
	if !ok || !errors.As(err, &failed) || w.begun {
		panic(p)
	}
	w.begun = true
	w.replace(failed, &w.visit)
}
