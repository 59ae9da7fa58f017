package pagecache

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// WarmConfig says which pages [Pages.Warm] asks for, and how fast.
type WarmConfig struct {
	// Server is the whole server, which is entered in process: no address is
	// ever connected to. Required.
	Server http.Handler
	// URLs are pages, with scheme and host. Those that cannot be read count as
	// failed.
	URLs []string
	// Sitemaps are URLs of sitemaps (sitemaps.org), or of indexes of them, that
	// Server serves. Their pages are warmed after URLs; those of other hosts than
	// the sitemap's are left out.
	Sitemaps []string
	// Top adds so many of the URLs that were asked for most since the Pages were
	// made, for a refill after a purge.
	Top int
	// Readers are values of visitors' sessions, at most 32 lists of them. Each page is
	// asked for once more for each list, as a visitor would of whose session just
	// these are known: a string stands for itself. Pages that read more of the
	// session are not kept, and count as failed. The session's manager has to be a
	// [cache.Assumer], as that of package session is. Defaults to none: anonymous
	// visitors.
	Readers [][]cache.Pair
	// PerSecond bounds how many requests begin in a second. Defaults to 50.
	PerSecond float64
	// Concurrency bounds how many are on their way. Defaults to 4.
	Concurrency int
	// Timeout bounds one request. Defaults to Config.RefreshTimeout.
	Timeout time.Duration
	// Progress is called after every page, one call at a time. It must not
	// block for long. Defaults to nothing.
	Progress func(WarmProgress)
}

// WarmProgress is how far a warm-up is.
type WarmProgress struct {
	URL    string // of the last page
	Total  int    // pages to warm
	Done   int    // so far: the sum of the next three
	Fresh  int    // there already
	Made   int    // answered by the handler, with a status below 400
	Failed int    // the rest
}

// maxReaders bounds Readers.
const maxReaders = 32

// maxWarm bounds the pages of one warm-up, as sitemaps.org bounds a sitemap.
const maxWarm = 50_000

// Warm asks for pages as an anonymous visitor would, with a request that has no
// cookies, credentials, conditions or ranges, so that those that may be kept are.
// Pages that are fresh are not made again. It returns when all are done, with the
// error of ctx if that ended before, or of a sitemap that could not be read.
func (p *Pages) Warm(ctx context.Context, cfg WarmConfig) (WarmProgress, error) {
	if cfg.Server == nil {
		return WarmProgress{}, errors.New("pagecache: WarmConfig.Server is nil: set the handler of the whole server")
	}
	if cfg.PerSecond < 0 || cfg.Concurrency < 0 || cfg.Timeout < 0 || cfg.Top < 0 {
		return WarmProgress{}, errors.New("pagecache: WarmConfig: PerSecond, Concurrency, Timeout and Top must not be negative")
	}
	if len(cfg.Readers) > maxReaders {
		return WarmProgress{}, fmt.Errorf("pagecache: WarmConfig.Readers has %d lists: give at most %d", len(cfg.Readers), maxReaders)
	}
	def(&cfg.PerSecond, 50)
	def(&cfg.Concurrency, 4)
	def(&cfg.Timeout, p.cfg.RefreshTimeout)
	w := &warming{p: p, cfg: cfg}
	err := w.collect(ctx)
	w.progress.Total = len(w.urls) * (1 + len(cfg.Readers))
	err = errors.Join(err, w.run(ctx))
	return w.progress, err
}

// warming is one warm-up.
type warming struct {
	p    *Pages
	cfg  WarmConfig
	urls []string
	seen map[string]bool

	mu       sync.Mutex
	progress WarmProgress
}

func (w *warming) add(list ...string) {
	for _, u := range list {
		if !w.seen[u] && len(w.urls) < maxWarm {
			w.seen[u] = true
			w.urls = append(w.urls, u)
		}
	}
}

// collect finds out what to ask for.
func (w *warming) collect(ctx context.Context) error {
	w.seen = make(map[string]bool)
	w.add(w.cfg.URLs...)
	if w.cfg.Top > 0 {
		for _, heavy := range w.p.Tops(w.cfg.Top).Hits {
			w.add(heavy.Name)
		}
	}
	var problems []error
	for _, sitemap := range w.cfg.Sitemaps {
		pages, err := w.sitemap(ctx, sitemap, 1)
		w.add(pages...)
		if err != nil {
			problems = append(problems, fmt.Errorf("pagecache: sitemap %s: %w", quoted(sitemap), err))
		}
	}
	return errors.Join(problems...)
}

// run asks for all.
func (w *warming) run(ctx context.Context) error {
	pace := time.NewTicker(max(time.Duration(float64(time.Second)/w.cfg.PerSecond), time.Microsecond))
	defer pace.Stop()
	places := make(chan struct{}, w.cfg.Concurrency)
	var group sync.WaitGroup
	defer group.Wait()
	for i := range w.progress.Total {
		u, assumed := w.job(i)
		if i > 0 {
			select {
			case <-pace.C:
			case <-ctx.Done():
			}
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil {
			group.Wait()
			return err
		}
		group.Go(func() {
			defer func() { <-places }()
			w.ask(ctx, u, assumed)
		})
	}
	group.Wait()
	return nil
}

// job returns what to ask for, and for whom: all readers of one page in a row.
func (w *warming) job(i int) (rawURL string, assumed *cache.Assumed) {
	each := 1 + len(w.cfg.Readers)
	if reader := i % each; reader > 0 {
		assumed = cache.Assume(slices.Clone(w.cfg.Readers[reader-1]))
	}
	return w.urls[i/each], assumed
}

func (w *warming) ask(ctx context.Context, rawURL string, assumed *cache.Assumed) {
	answer := &discarding{header: make(http.Header)}
	err := w.get(ctx, rawURL, assumed, answer)
	w.mu.Lock()
	defer w.mu.Unlock()
	status := answer.header.Values("Cache-Status")
	switch w.progress.Done++; {
	case err != nil, assumed != nil && assumed.Refused(), answer.status == 0, answer.status >= http.StatusBadRequest:
		w.progress.Failed++
	case len(status) > 0 && strings.Contains(status[len(status)-1], "; hit"):
		w.progress.Fresh++
	default:
		w.progress.Made++
	}
	if w.progress.URL = rawURL; w.cfg.Progress != nil {
		w.cfg.Progress(w.progress)
	}
}

// get lets the server answer. A panic of a handler is an error.
func (w *warming) get(ctx context.Context, rawURL string, assumed *cache.Assumed, answer http.ResponseWriter) (err error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return &URLError{URL: rawURL}
	}
	u.Fragment, u.User = "", nil
	if u.Path == "" {
		u.Path = "/"
	}
	r := &http.Request{
		Method: http.MethodGet, Host: u.Host, URL: &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}, RequestURI: u.RequestURI(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"User-Agent": {"Echoic warm-up"}}, Body: http.NoBody, RemoteAddr: "127.0.0.1:0",
	}
	if u.Scheme == "https" {
		r.TLS = &tls.ConnectionState{ServerName: u.Hostname()}
	}
	// Under a context of its own: what else the caller's holds is not for all.
	own, cancel := context.WithTimeout(context.Background(), w.cfg.Timeout)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("pagecache: handler panicked: %v", v)
			if v != http.ErrAbortHandler {
				w.p.cfg.Logger.ErrorContext(ctx, "pagecache: handler panicked in a warm-up", "url", quoted(rawURL), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			}
		}
	}()
	w.cfg.Server.ServeHTTP(answer, r.WithContext(assuming(withServer(own, ctx), assumed)))
	return nil
}
