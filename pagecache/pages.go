package pagecache

import (
	"context"
	"net/http"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Pages is a page cache. It is safe for concurrent use.
type Pages struct {
	cfg     Config
	records *cache.Records[*entry]
	local   bool        // the store is inside the process: no budget needed
	door    *doorkeeper // nil where the store is inside the process
	flights flights
	misses  missMemory
}

// Next runs the handler of a page on another writer and request.
type Next func(w http.ResponseWriter, r *http.Request) error

// New makes a page cache. It holds nothing that needs closing; the cache under
// it belongs to the caller.
func New(cfg Config) (*Pages, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Pages{cfg: cfg}
	p.records, err = cache.NewRecords(cfg.Cache, cache.RecordsConfig[*entry]{
		Kind: 'p', Encode: encodeEntry, Decode: decodeEntry, Size: (*entry).size,
	})
	if err != nil {
		return nil, err
	}
	_, p.local = cfg.Cache.Store().(cache.ObjectStore)
	if !p.local {
		p.door = newDoorkeeper(cfg.Now())
	}
	p.misses.now = cfg.Now
	return p, nil
}

// Handler is the cache as the outermost handler of a server: GET and HEAD of
// every path, with the time to live of Config unless the answer has explicit
// freshness.
func (p *Pages) Handler(next http.Handler, opts ...Option) http.Handler {
	route := p.Route(0, opts...)
	run := func(w http.ResponseWriter, r *http.Request) error {
		next.ServeHTTP(w, r)
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = p.Serve(w, r, route, run) // run returns no error, so neither does Serve
	})
}

// Serve answers r from the cache, or from next, whose answer it keeps if it
// may. It returns next's error; the answer is then next's, or still missing.
// A failing store never fails a page.
func (p *Pages) Serve(w http.ResponseWriter, r *http.Request, route *Route, next Next) error {
	x := exchange{p: p, w: w, r: r, route: route, next: next}
	x.why = p.admit(r, route)
	if x.why != "" {
		return x.bypass()
	}
	x.target = p.target(r, route)
	x.key = p.baseKey(r, route, x.target)
	if e := x.lookup(); e != nil {
		return x.replay(e)
	}
	if r.Method == http.MethodHead {
		return x.bypass() // an answer to HEAD has no body to keep
	}
	return x.fetch()
}

// exchange is one request on its way through the phases.
type exchange struct {
	p     *Pages
	w     http.ResponseWriter
	r     *http.Request
	route *Route
	next  Next

	target target
	key    cache.Key
	why    Reason               // why it is not served from the store
	missed cache.Record[*entry] // the lookup that missed
	index  *entry               // the URL's list of variants, if it has one
	spent  time.Duration        // on stores
	ended  uint64               // flights before the lookup
}

// withStore runs f under what is left of the request's budget for stores.
func (x *exchange) withStore(ctx context.Context, f func(ctx context.Context)) {
	if x.p.local {
		f(ctx)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, x.p.cfg.StoreBudget-x.spent)
	defer cancel()
	start := x.p.cfg.Now()
	f(ctx)
	x.spent += max(x.p.cfg.Now().Sub(start), 0)
}

// lookup returns the entry that answers the request, or nil.
func (x *exchange) lookup() (e *entry) {
	x.ended = x.p.flights.ended.Load()
	x.withStore(x.r.Context(), func(ctx context.Context) { e = x.find(ctx) })
	return e
}

func (x *exchange) find(ctx context.Context) *entry {
	rec, found, err := x.p.records.Get(ctx, x.key)
	x.missed, x.why = rec, ReasonNotFound
	if found && rec.Value.isIndex() {
		x.index = rec.Value
		rec, found, err = x.p.records.Get(ctx, variantKey(x.key, x.index.fields, x.r.Header))
		x.missed, x.why = rec, ReasonVaryMiss
	}
	switch {
	case err != nil:
		x.p.cfg.Logger.WarnContext(ctx, "pagecache: store failed", "error", err)
		x.why = ReasonStoreFailed
		return nil
	case !found || rec.Value.isIndex():
		return nil
	case len(x.r.Header["Authorization"]) > 0 && !rec.Value.shared:
		x.why = ReasonAuthRequired
		return nil
	}
	// Under an outer scope, the enclosing thing depends on what the page does.
	cache.ScopeOf(x.r.Context()).Merge(rec.Deps)
	return rec.Value
}

// bypass runs the handler without keeping anything. An unsafe method that
// succeeds invalidates its URL (RFC 9111, section 4.4).
func (x *exchange) bypass() error {
	x.w.Header()["Cache-Status"] = []string{x.p.statusOfMiss(x.why, "")}
	if isRead(x.r.Method) {
		t := x.target
		if t.url == "" {
			t = target{seen: x.r.URL.RawQuery}
		}
		return x.next(x.w, x.p.visible(x.r, x.route, t))
	}
	if isSafe(x.r.Method) {
		return x.next(x.w, x.r)
	}
	watch := &statusWriter{ResponseWriter: x.w}
	if err := x.next(watch, x.r); err != nil {
		return err
	}
	if watch.status >= 200 && watch.status < 400 {
		x.invalidate()
	}
	return nil
}

// invalidate purges the URL of a request that changed something. It goes on
// when the client has left: the change is made.
func (x *exchange) invalidate() {
	tag := urlTag(x.p.target(x.r, x.route).url)
	x.withStore(context.WithoutCancel(x.r.Context()), func(ctx context.Context) {
		if err := x.p.Purge(ctx, tag); err != nil {
			x.p.cfg.Logger.ErrorContext(ctx, "pagecache: URL not invalidated after a change", "method", x.r.Method, "path", x.r.URL.Path, "error", err)
		}
	})
}

func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }

func isSafe(method string) bool {
	return isRead(method) || method == http.MethodOptions || method == http.MethodTrace
}

// Purge makes all pages (and fragments, and values) with one of the tags miss.
func (p *Pages) Purge(ctx context.Context, tags ...string) error {
	return p.cfg.Cache.Purge(ctx, tags...)
}

// PurgeURL makes the page of a URL miss, in all variants. The URL needs scheme
// and host; its query is sorted as a request's is, and ignored parameters must
// not be in it. An error is a *[URLError] or the store's.
func (p *Pages) PurgeURL(ctx context.Context, rawURL string) error {
	tag, err := URLTag(rawURL)
	if err != nil {
		return err
	}
	return p.Purge(ctx, tag)
}
