package pagecache

import (
	"errors"
	"hash/maphash"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"github.com/echoic-go/echoic/cache"
)

// Pages is a page cache. It is safe for concurrent use.
type Pages struct {
	cfg        Config
	records    *cache.Records[*entry]
	local      bool        // the store is inside the process: no budget needed
	door       *doorkeeper // nil where the store is inside the process
	flights    flights
	misses     missMemory // pages that cannot be kept
	broken     missMemory // pages whose refresh in the background failed
	unassumed  missMemory // pages that read more of a session than they vary by
	failing    missMemory // pages whose handler failed just now
	changed    changes
	places     places
	lastCoding atomic.Pointer[codingOf]
	recent     recent
	tags       bodyTags
	tallies    tallies
	pool       sync.Pool // of *exchange
	statuses   sync.Map  // of outcome, the texts of Cache-Status
	dir        string    // the working directory, in development
	work       background

	holesFailed atomic.Int64 // unix second of the last logged failure
}

// Next runs the handler of a page on another writer and request. An error is a
// failure, for which a stale page may stand in, unless something in its chain has
// a method StatusCode() int that returns something else than 500, 502, 503 or 504.
// One that wraps [ErrDisconnected] says that the handler could not be asked.
type Next func(w http.ResponseWriter, r *http.Request) error

// New makes a page cache. The cache under it belongs to the caller, who closes
// the Pages first.
func New(cfg Config) (*Pages, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Pages{cfg: cfg}
	p.records, err = cache.NewRecords(cfg.Cache, cache.RecordsConfig[*entry]{
		Kind: 'p', Encode: encodeEntry, Decode: p.decode, Size: (*entry).size, Stale: true,
	})
	if err != nil {
		return nil, err
	}
	_, p.local = cfg.Cache.Store().(cache.ObjectStore)
	p.tags = newBodyTags(cfg.Secret, p.local)
	if !p.local {
		p.door = newDoorkeeper(cfg.Now())
	}
	p.misses.init(cfg.Now, missMemoryTTL)
	p.broken.init(cfg.Now, missMemoryTTL)
	p.unassumed.init(cfg.Now, missMemoryTTL)
	p.failing.init(cfg.Now, holdOff)
	p.changed.seed, p.places.seed = maphash.MakeSeed(), maphash.MakeSeed()
	p.recent.init(cfg.Recent)
	p.tallies.init()
	p.pool.New = func() any { return new(exchange) }
	p.work.init(cfg.Logger)
	if cfg.Development {
		p.dir, _ = os.Getwd() // without it places in the code are longer
	}
	return p, nil
}

// Close ends refreshes in the background and waits for them. Requests are
// served afterwards too, but nothing is refreshed any more. It may be called
// more than once.
func (p *Pages) Close() error {
	p.work.close()
	return nil
}

// Handler is the cache as the outermost handler of a server: GET and HEAD of
// every path, with the time to live of Config unless the answer has explicit
// freshness. Decorators of package middleware behind it only say how their pages
// are to be kept; they do not keep them again.
func (p *Pages) Handler(next http.Handler, opts ...Option) http.Handler {
	route := p.Route(0, opts...)
	run := func(w http.ResponseWriter, r *http.Request) error {
		next.ServeHTTP(w, r)
		return nil
	}
	var self http.HandlerFunc
	self = func(w http.ResponseWriter, r *http.Request) {
		// run returns no error, so neither does Serve, but for a page that can
		// neither be made nor be completed.
		if err := p.ServeWithin(self, w, r, route, run); errors.Is(err, errHole) {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}
	}
	return self
}
