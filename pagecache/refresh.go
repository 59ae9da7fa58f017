package pagecache

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// renewal is the mark of a refresh on its way through the server: the request
// whose answer is to be stored although there is one.
type renewal struct {
	key     string
	fl      *flight
	stale   *exchange      // the request that found the stale answer
	assumed *cache.Assumed // for whom it is made; nil if the page varies by no values
	claimed atomic.Bool
}

func withRenewal(ctx context.Context, a *renewal) context.Context {
	return mark(assuming(ctx, a.assumed), func(m *marks) { m.renewal = a })
}

func refreshOf(r *http.Request) *renewal {
	return marksOf(r.Context()).renewal
}

// Refreshing reports whether the request is the cache's own, for a page that is
// made anew in the background: middleware that counts visitors leaves it out, and
// so does what touches the session of each. No
// client can send one.
func Refreshing(r *http.Request) bool { return refreshOf(r) != nil }

// claim reports whether x is the request that the mark is for, once. It then
// knows what the first request found.
func (a *renewal) claim(x *exchange) bool {
	if stringsOf(x.key) != a.key || a.claimed.Swap(true) {
		return false
	}
	x.why, x.ended = ReasonRefresh, x.p.flights.ended.Load()
	x.stale, x.found, x.at, x.index = a.stale.stale, a.stale.found, a.stale.at, a.stale.index
	x.ticket(x.r.Context())
	a.fl.lookup = x.missed.Moment()
	return true
}

// refreshLater makes the page anew in the background, unless somebody does
// already, and reports whether the stale one may be served meanwhile. A page for
// some values of a session is made for a reader who has exactly these.
func (x *exchange) refreshLater(e *entry) bool {
	if x.server == nil {
		return false
	}
	key := x.flightKey()
	assumed, ok := x.assume(key)
	if !ok {
		return false
	}
	if x.p.broken.known(key) {
		return true // it just failed: not again for every visitor
	}
	fl := x.p.flights.lead(key)
	if fl == nil {
		return true
	}
	if x.p.flights.ended.Load() != x.ended && (x.p.broken.known(key) || x.replaced()) {
		x.p.flights.land(fl, nil, false)
		return true
	}
	x.stale, x.known = e, true
	visitors := x.r.Context()
	r := x.anew(&renewal{key: stringsOf(x.key), fl: fl, stale: x.snapshot(), assumed: assumed})
	started := x.p.work.start(x.p.cfg.RefreshTimeout, func(ctx context.Context) {
		defer x.p.flights.land(fl, nil, false) // if it was not claimed
		w := &discarding{header: make(http.Header)}
		x.server.ServeHTTP(w, r.WithContext(withRenewal(withServer(ctx, visitors), refreshOf(r))))
		switch {
		case assumed != nil && assumed.Refused():
			x.p.unassumed.remember(key)
		case isFailure(w.status): // of what is around the cache, perhaps
			x.p.broken.remember(key)
		}
	})
	if !started {
		x.p.flights.land(fl, nil, false)
	}
	return true
}

// replaced reports whether a refresh that ended since the lookup has stored a fresh
// entry already.
func (x *exchange) replaced() (yes bool) {
	x.withStore(x.r.Context(), func(ctx context.Context) {
		rec, found, err := x.p.records.Get(ctx, x.at)
		if err == nil && found && !rec.Value.isIndex() && !x.outdated(rec.Value) {
			now, _ := judge(rec.Value, ageOf(rec.Value, x.p.cfg.Now()), rec.Soft, x.asks, x.route.strict)
			yes = now == useFresh
		}
	})
	return yes
}

// snapshot is what a refresh needs to know of the request that caused it.
func (x *exchange) snapshot() *exchange {
	return &exchange{stale: x.stale, found: x.found, at: x.at, index: x.index}
}

// private are the request headers that a refresh does not take over: it is made
// for everybody.
var privateHeaders = [...]string{"Cookie", "Authorization", "Proxy-Authorization", "Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Cache-Control", "Pragma"}

// anew is the request of a refresh: the visitor's, without what is only his, and
// under a context of its own, in which nothing of him is left.
func (x *exchange) anew(mark *renewal) *http.Request {
	r := &http.Request{
		Method: http.MethodGet, URL: x.original(), Host: hostOf(x.r.Host, x.scheme), Proto: x.r.Proto, ProtoMajor: x.r.ProtoMajor, ProtoMinor: x.r.ProtoMinor,
		Header: x.r.Header.Clone(), Body: http.NoBody, RemoteAddr: x.r.RemoteAddr, TLS: x.r.TLS,
	}
	for _, name := range privateHeaders {
		delete(r.Header, name)
	}
	var cookies []string
	for name, pair := range cookiePairs(x.r.Header) {
		if slices.Contains(x.route.cookies, name) { // part of the key
			cookies = append(cookies, pair)
		}
	}
	if len(cookies) > 0 {
		r.Header["Cookie"] = []string{strings.Join(cookies, "; ")}
	}
	r.RequestURI = r.URL.RequestURI()
	return r.WithContext(withRenewal(context.Background(), mark))
}

// withServer is a context of the cache's own with the server of another one, if it
// knows it. Handlers take for a test what runs without one: httputil.ReverseProxy
// then lets an answer that broke off look complete.
func withServer(ctx, from context.Context) context.Context {
	server, ok := from.Value(http.ServerContextKey).(*http.Server)
	if !ok {
		server = new(http.Server)
	}
	return context.WithValue(ctx, http.ServerContextKey, server)
}

// original is the URL as it came in, before middleware between the server and
// the cache changed it.
func (x *exchange) original() *url.URL {
	if u, err := url.ParseRequestURI(x.r.RequestURI); err == nil && u.Path != "" && x.r.RequestURI[0] == '/' {
		u.ForceQuery = false
		return u
	}
	u := *x.r.URL
	plain(&u)
	return &u
}

// discarding is where a refresh writes to: what it is made for is the store.
type discarding struct {
	header http.Header
	status int
}

func (w *discarding) Header() http.Header { return w.header }

func (w *discarding) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

func (w *discarding) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(b), nil
}

// Flush does nothing: nobody waits. Echo panics on a writer without it.
func (w *discarding) Flush() {}

// background runs what goes on after its request has been answered.
type background struct {
	log    *slog.Logger
	life   context.Context
	end    context.CancelFunc
	places chan struct{}

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// maxBackground is how many run at the same time. When all places are taken, the
// next request tries again.
const maxBackground = 64

func (b *background) init(log *slog.Logger) {
	b.log = log
	b.life, b.end = context.WithCancel(context.Background())
	b.places = make(chan struct{}, maxBackground)
}

// start runs f for at most timeout and reports whether it does.
func (b *background) start(timeout time.Duration, f func(ctx context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	select {
	case b.places <- struct{}{}:
	default:
		return false
	}
	b.wg.Go(func() {
		defer func() { <-b.places }()
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				b.log.Error("pagecache: panic in the background", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
		}()
		ctx, cancel := context.WithTimeout(b.life, timeout)
		defer cancel()
		f(ctx)
	})
	return true
}

func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.end()
	b.wg.Wait()
}
