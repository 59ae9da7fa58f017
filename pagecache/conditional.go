package pagecache

import "net/http"

// Conditional runs next without keeping anything, and judges the conditions of
// the request by the validators of its answer: 304 or 412 instead of a body that
// the client has already. With tag, an answer without an ETag gets one of its
// body. It is for pages that no cache may keep.
//
// An answer that is flushed, hijacked, or longer than 1 MiB goes out as it comes.
// Behind a page cache, which does all of this, next runs alone.
func Conditional(w http.ResponseWriter, r *http.Request, tag bool, next Next) error {
	if !isRead(r.Method) || tag && outerOf(r) != nil {
		return next(w, r)
	}
	x := &exchange{w: w, r: r, route: &Route{}, outerVaries: variesByCoding(w.Header()["Vary"])}
	rec := newRecorder(w, 1<<20, nil)
	returned := false
	defer func() {
		if !returned {
			rec.discard()
		}
	}()
	err := next(rec, r)
	returned = true
	if rec.passes || !rec.state.wrote {
		return err
	}
	rec.restore()
	h := w.Header()
	sniff(h, rec.status, rec.body)
	if parseDirectives(h["Cache-Control"]).noStore {
		tag = false // for pages with holes: what the client may not keep needs no validator
	}
	if tag && err == nil && rec.status == http.StatusOK && len(h["Etag"]) == 0 && r.Method == http.MethodGet {
		made := bodyTag(h, rec.body)
		if x.codedOutside() {
			made = "W/" + made
		}
		h["Etag"] = []string{made}
	}
	s := sendable{status: rec.status, etag: first(h["Etag"]), lastModified: first(h["Last-Modified"]), body: rec.body, length: h["Content-Length"]}
	if bodyAllowed(rec.status) && s.length == nil && r.Method == http.MethodGet && len(h["Transfer-Encoding"]) == 0 && len(h["Trailer"]) == 0 {
		s.length = []string{lengthOf(rec.body)}
	}
	x.emit(h, s)
	return err
}

// Unmodified judges the conditions of a request by the time of the last change
// alone, before the answer is made: 304, 412, or 200 if it has to be made.
func Unmodified(r *http.Request, lastModified string) int {
	if !isRead(r.Method) || len(r.Header["If-None-Match"]) > 0 || len(r.Header["If-Match"]) > 0 {
		return http.StatusOK
	}
	return precondition(r, "", lastModified, true)
}
