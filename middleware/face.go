package middleware

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/pagecache"
)

// face is the response as the page cache sees it. Before the handler has run,
// an answer goes through Echo's Response, so that its hooks run and it knows
// that it is committed; afterwards Echo's Response is above the recorder, and
// the answer goes to the writer below.
type face struct {
	c     echo.Context
	res   *echo.Response
	below http.ResponseWriter
	next  echo.HandlerFunc
	inner http.ResponseWriter // what the handler writes to; nil until it runs
	sent  int                 // the status that was sent after that
	size  int64               // and the bytes
}

func newFace(c echo.Context, next echo.HandlerFunc) *face {
	return &face{c: c, res: c.Response(), below: c.Response().Writer, next: next}
}

// Header returns the one header map that all writers share.
func (f *face) Header() http.Header { return f.below.Header() }

// WriteHeader sends the status.
func (f *face) WriteHeader(status int) {
	if f.inner == nil {
		f.res.WriteHeader(status)
		return
	}
	if f.sent == 0 && status >= http.StatusOK {
		f.sent = status
	}
	f.below.WriteHeader(status)
}

// Write sends a part of the body.
func (f *face) Write(b []byte) (int, error) {
	if f.inner == nil {
		return f.res.Write(b)
	}
	if f.sent == 0 {
		f.sent = http.StatusOK
	}
	n, err := f.below.Write(b)
	f.size += int64(n)
	return n, err
}

// LiveContext gives the functions of holes the echo.Context.
func (f *face) LiveContext(ctx context.Context) context.Context {
	return context.WithValue(ctx, echoContextKey{}, f.c)
}

// Unwrap lets http.ResponseController reach the writers below.
func (f *face) Unwrap() http.ResponseWriter { return f.below }

// run runs the handler on w and r.
func (f *face) run(w http.ResponseWriter, r *http.Request) error {
	f.inner = w
	f.res.Writer = w
	before := f.c.Request()
	f.c.SetRequest(r)
	if r.URL.RawQuery != before.URL.RawQuery {
		f.pruneQuery(r)
	}
	return classify(f.next(f.c))
}

// answerError is an error of Echo's that is an answer, such as 404, and says so
// to the page cache.
type answerError struct{ *echo.HTTPError }

// StatusCode is the status that Echo will answer.
func (e answerError) StatusCode() int { return e.Code }

// Unwrap leads to what the handler returned.
func (e answerError) Unwrap() error { return e.HTTPError }

func classify(err error) error {
	if he, ok := err.(*echo.HTTPError); ok {
		return answerError{he}
	}
	return err
}

// cause is the opposite of classify: Echo compares types.
func cause(err error) error {
	if e, ok := err.(answerError); ok {
		return e.HTTPError
	}
	return err
}

// pruneQuery takes the hidden parameters out of the query that Echo's context
// may have parsed already, for other middleware: it keeps that map.
func (f *face) pruneQuery(r *http.Request) {
	want := r.URL.Query()
	parsed := f.c.QueryParams()
	for name := range parsed {
		if _, seen := want[name]; !seen {
			delete(parsed, name)
		}
	}
}

// restore gives Echo its own request and writer back, and tells its Response what
// was sent: not always what the handler wrote. After a panic that is nothing, and
// the error page must not be swallowed.
func (f *face) restore(r *http.Request) {
	f.c.SetRequest(r)
	f.res.Writer = f.below
	switch {
	case f.inner == nil:
	case f.sent != 0:
		f.res.Committed, f.res.Status, f.res.Size = true, f.sent, f.size
	case pagecache.Discarded(f.inner):
		f.res.Committed, f.res.Status, f.res.Size = false, http.StatusOK, 0
	}
}
