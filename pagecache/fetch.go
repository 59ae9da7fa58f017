package pagecache

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// run lets the handler answer and keeps the answer if it may. What can be
// shared goes to the requests that wait for the flight.
func (x *exchange) run(fl *flight) error {
	// Already now, for streams and error pages.
	x.w.Header()["Cache-Status"] = []string{x.p.statusOfMiss(x.why, "")}
	rec := newRecorder(x.w, x.p.cfg.MaxBodyBytes)
	ctx, scope := x.p.records.Open(x.r.Context(), x.missed)
	scope.Tag(urlTag(x.target.url))
	scope.Tag(x.route.tags...)
	returned := false
	defer func() {
		if !returned { // a panic: nothing half-made goes out or stays
			rec.discard()
			x.p.flights.land(fl, nil, false)
		}
	}()
	start := x.p.cfg.Now()
	err := x.next(rec, unconditional(x.p.visible(x.r.WithContext(ctx), x.route, x.target)))
	returned = true
	rec.state.failed = err != nil
	e, final := x.finish(rec, scope, x.p.cfg.Now().Sub(start))
	if e != nil {
		e, final = x.keep(rec, scope, e)
	}
	x.p.flights.land(fl, e, final)
	if e == nil && final {
		x.p.misses.remember(x.flightKey())
	}
	return err
}

// unconditional takes the conditions off the request: the cache judges them
// itself, and a 304 of the handler would leave it with nothing to keep.
func unconditional(r *http.Request) *http.Request {
	conditions := []string{"If-None-Match", "If-Modified-Since"}
	if !anyPresent(r.Header, conditions) {
		return r
	}
	r = r.Clone(r.Context())
	for _, name := range conditions {
		delete(r.Header, name)
	}
	return r
}

// finish sends the answer. It returns an entry if all that is known by then
// allows to keep it; final says that the refusal lies in the page, so that
// others need not wait for it next time.
func (x *exchange) finish(rec *recorder, scope *cache.Scope, render time.Duration) (e *entry, final bool) {
	if rec.passes {
		return nil, true
	}
	if !rec.state.wrote {
		return nil, false
	}
	rec.restore()
	h := x.w.Header()
	sniff(h, rec.status, rec.body)
	a := &answer{request: x.r, status: rec.status, header: h, body: rec.body, state: rec.state, url: x.target.url}
	ttl, why := storable(a, x.route, x.p.cfg.Now())
	if why == "" {
		why = scopeReason(scope)
	}
	if why == "" {
		e = x.entry(rec, ttl, render)
		x.dress(h, e)
		why = ReasonStored
	}
	x.send(rec, h, why, render)
	return e, why != ReasonError && why != ReasonCancelled && why != ReasonNoStoreAsked && why != ReasonAuthorization
}

// scopeReason asks the scope, which sees the session through its source.
func scopeReason(scope *cache.Scope) Reason {
	switch {
	case scope.Deps().Private != "":
		return ReasonPrivateScope
	case scope.Refused() != "":
		return ReasonScope
	}
	return ""
}

// entry makes what is kept of an answer.
func (x *exchange) entry(rec *recorder, life, render time.Duration) *entry {
	h := x.w.Header()
	now := x.p.cfg.Now()
	e := &entry{
		status: rec.status, header: replayable(rec.before, h), body: slices.Clip(rec.body),
		born: now.Add(-ownAge(h)), life: life + ownAge(h), render: render,
		shared: sharedWithCredentials(parseDirectives(h["Cache-Control"]), parseDirectives(h["Cdn-Cache-Control"])),
	}
	if e.status == http.StatusOK && e.header.Get("Etag") == "" {
		e.header["Etag"] = []string{bodyTag(e.header, e.body)}
	}
	if len(x.route.vary) > 0 {
		addVary(e.header, x.route.vary)
	}
	if len(x.route.cookies) > 0 {
		addVary(e.header, []string{"Cookie"})
	}
	return e.complete()
}

// bodyTag is a strong validator: the same bytes in the same coding.
func bodyTag(h http.Header, body []byte) string {
	sum := sha256.New()
	sum.Write([]byte(h.Get("Content-Type") + "\n" + h.Get("Content-Encoding") + "\n"))
	sum.Write(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:15]) + `"`
}

// dress puts on the wire what a hit would have: validator, Vary, and a
// Cache-Control that lets browsers keep the page but ask.
func (x *exchange) dress(h http.Header, e *entry) {
	if e.etag != "" {
		h["Etag"] = []string{x.wireTag(e)}
	}
	if vary := e.header["Vary"]; len(vary) > 0 {
		addVary(h, vary)
	}
	x.browserControl(h, 0)
}

// browserControl is on the wire only: a purge has to reach browsers.
func (x *exchange) browserControl(h http.Header, age time.Duration) {
	if len(h["Cache-Control"]) > 0 {
		return
	}
	if ttl := x.route.browserTTL; ttl > 0 {
		h["Cache-Control"] = []string{"max-age=" + strconv.FormatInt(int64((ttl+age)/time.Second), 10)}
		return
	}
	h["Cache-Control"] = noCacheValue
}

var noCacheValue = []string{"no-cache"}

// send writes the recorded answer.
func (x *exchange) send(rec *recorder, h http.Header, why Reason, render time.Duration) {
	h["Cache-Status"] = []string{x.p.statusOfMiss(x.why, why)}
	if x.p.cfg.ServerTiming {
		h["Server-Timing"] = append(h["Server-Timing"], x.p.timingOfMiss(why, render))
	}
	if rec.status == http.StatusOK && notModified(x.r, h.Get("Etag"), h.Get("Last-Modified")) {
		writeNotModified(x.w, h)
		return
	}
	if bodyAllowed(rec.status) && len(h["Content-Length"]) == 0 && len(h["Transfer-Encoding"]) == 0 && len(h["Trailer"]) == 0 {
		h["Content-Length"] = []string{strconv.Itoa(len(rec.body))}
	}
	x.w.WriteHeader(rec.status)
	if len(rec.body) > 0 {
		_, _ = x.w.Write(rec.body) // a client that has gone is seen by keep
	}
}

// sniff sets the type that net/http would guess, so that hits have it too.
func sniff(h http.Header, status int, body []byte) {
	if _, set := h["Content-Type"]; !set && len(body) > 0 && bodyAllowed(status) && len(h["Content-Encoding"]) == 0 {
		h["Content-Type"] = []string{http.DetectContentType(body)}
	}
}

// keep stores the entry after everything has been written: middleware outside
// may have added a cookie when the header went out, and the session may have
// been used since. It returns the entry if others may have it.
func (x *exchange) keep(rec *recorder, scope *cache.Scope, e *entry) (_ *entry, final bool) {
	if len(x.w.Header()["Set-Cookie"]) > 0 {
		return nil, true
	}
	if x.r.Context().Err() != nil {
		return nil, false
	}
	if x.p.door != nil && x.target.junk && !x.p.door.again(x.target.url, x.p.cfg.Now(), e.life) {
		return e, false // who waits may have it; the store gets it next time
	}
	fields, _ := varyFields(e.header)
	fields = slices.DeleteFunc(fields, func(f string) bool { return f == "Cookie" || slices.Contains(x.route.vary, f) })
	x.withStore(context.WithoutCancel(x.r.Context()), func(ctx context.Context) {
		e, final = x.put(ctx, scope, e, fields)
	})
	return e, final
}

// put stores entry and, for one that varies, the list of variants.
func (x *exchange) put(ctx context.Context, scope *cache.Scope, e *entry, fields []string) (_ *entry, final bool) {
	key := x.key
	if len(fields) > 0 {
		var index *entry
		if index, key = x.indexFor(fields); index == nil {
			return nil, true
		}
		_, own := x.p.records.Open(cacheless(ctx), x.missed)
		if _, _, err := x.p.records.Put(ctx, x.key, index, own, e.life); err != nil {
			x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
		}
	}
	_, reason, err := x.p.records.Put(ctx, key, e, scope, e.life-max(x.p.cfg.Now().Sub(e.born), 0))
	if err != nil {
		x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
	}
	if reason != "" && reason != cache.RefusedStoreAway && reason != cache.RefusedTooLarge {
		return nil, false // private, or purged meanwhile: nobody else may have it
	}
	return e, false
}

// cacheless is a context without a scope.
func cacheless(ctx context.Context) context.Context { return cache.WithScope(ctx, nil) }

// indexFor returns the list of variants with this request's in it, and the key
// of the variant; nil if there are too many. A response that names other fields
// than the last one makes both count.
func (x *exchange) indexFor(fields []string) (*entry, cache.Key) {
	index := &entry{fields: fields}
	if old := x.index; old != nil {
		index.fields = slices.Compact(slices.Sorted(slices.Values(slices.Concat(old.fields, fields))))
		if slices.Equal(index.fields, old.fields) {
			index.variants = slices.Clone(old.variants)
		}
	}
	key := variantKey(x.key, index.fields, x.r.Header)
	name := shortName(key)
	if !slices.Contains(index.variants, name) {
		if len(index.variants) >= x.p.cfg.MaxVariants {
			return nil, key
		}
		index.variants = append(index.variants, name)
	}
	return index, key
}

func shortName(k cache.Key) string {
	sum := sha256.Sum256([]byte(stringsOf(k)))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func stringsOf(k cache.Key) string {
	var b []byte
	for _, f := range k.Fields() {
		b = appendText(b, f)
	}
	return string(b)
}
