package pagecache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache/live"
	"github.com/echoic-go/echoic/pagecache"
)

// asks are ways to ask for a page, of which an answer with holes takes no notice.
var asks = map[string][]string{
	"plain":               nil,
	"HEAD":                nil,
	"If-None-Match":       {"If-None-Match", `"handler"`},
	"If-None-Match: *":    {"If-None-Match", "*"},
	"If-Modified-Since":   {"If-Modified-Since", "Mon, 02 Jan 2036 15:04:05 GMT"},
	"If-Unmodified-Since": {"If-Unmodified-Since", "Mon, 02 Jan 1996 15:04:05 GMT"},
	"If-Match":            {"If-Match", `"other"`},
	"Range":               {"Range", "bytes=0-3"},
	"If-Range":            {"Range", "bytes=0-3", "If-Range", `"handler"`},
	"gzip":                {"Accept-Encoding", "gzip, br"},
	"no-cache":            {"Cache-Control", "no-cache"},
}

// wantOwn asks in one of these ways as a visitor, who must get his own page, whole.
func (s *site) wantOwn(t *testing.T, ask, who string) *http.Response {
	t.Helper()
	method := http.MethodGet
	if ask == "HEAD" {
		method = http.MethodHead
	}
	res := s.do(method, "http://a.test/", append([]string{"X-User", who}, asks[ask]...)...)
	got := body(t, res)
	nonce := strings.TrimSuffix(strings.TrimPrefix(res.Header.Get("Content-Security-Policy"), "script-src 'nonce-"), "'")
	want := holeText(who) + `<script nonce="` + nonce + `"></script>`
	length := res.Header.Get("Content-Length")
	switch {
	case nonce == "", res.StatusCode != http.StatusOK:
		t.Errorf("%s: %s got %d, policy %q", ask, who, res.StatusCode, res.Header["Content-Security-Policy"])
	case method == http.MethodGet && got != want, length != "" && length != strconv.Itoa(len(want)):
		t.Errorf("%s: %s got %s bytes %q, want %q", ask, who, length, got, want)
	}
	wantPrivate(t, res)
	return res
}

// heldBack is the page of policyHoles from a handler that a test can hold back or
// let fail.
type heldBack struct {
	mu    sync.RWMutex
	fails atomic.Bool
}

func (b *heldBack) handler(control string) func(set *live.Set) http.HandlerFunc {
	return func(set *live.Set) http.HandlerFunc {
		next := policyHoles(set)
		return func(w http.ResponseWriter, r *http.Request) {
			b.mu.RLock()
			defer b.mu.RUnlock()
			if b.fails.Load() {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			w.Header().Set("CDN-Cache-Control", control)
			next(w, r)
		}
	}
}

// In whatever state the page is, and however he asks, each visitor gets his own.
func TestHolesInEveryState(t *testing.T) {
	t.Parallel()
	const control = "max-age=60, stale-while-revalidate=60, stale-if-error=600"
	late := func(d time.Duration) func(*site, *heldBack) {
		return func(s *site, _ *heldBack) { s.clock.Store(int64(d)) }
	}
	for state, prepare := range map[string]func(*site, *heldBack){
		"fresh":                         late(0),
		"stale":                         late(90 * time.Second),
		"beyond the window":             late(5 * time.Minute),
		"too old to stand in":           late(time.Hour),
		"stale while the handler fails": func(s *site, b *heldBack) { b.fails.Store(true); s.clock.Store(int64(5 * time.Minute)) },
	} {
		for ask := range asks {
			if ask == "HEAD" && strings.HasPrefix(state, "stale while") {
				continue // the handler answers it, whatever the page
			}
			t.Run(state+"/"+ask, func(t *testing.T) {
				t.Parallel()
				var b heldBack
				s, _ := newHoleSite(t, b.handler(control))
				s.wantOwn(t, ask, "ann") // nothing is stored yet
				s.wantOwn(t, "plain", "bob")
				prepare(s, &b)
				for i := range 3 {
					s.wantOwn(t, ask, fmt.Sprint("robert", i))
				}
			})
		}
	}
}

// A refresh in the background is made for nobody: no function of a hole runs, and
// the next visitor gets his own values in what it has made.
func TestRefreshedPagesKeepTheirHoles(t *testing.T) {
	t.Parallel()
	var made atomic.Int64
	s, _ := newHoleSite(t, func(set *live.Set) http.HandlerFunc {
		next := policyHoles(set)
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Made", fmt.Sprint(made.Add(1)))
			next(w, r)
		}
	}, pagecache.StaleWhileRevalidate(time.Hour))
	s.wantOwn(t, "plain", "ann")
	s.clock.Store(int64(90 * time.Second))
	until(t, "refreshed", func() bool { return s.wantOwn(t, "plain", "bob").Header.Get("X-Made") == "2" })
	res := s.wantOwn(t, "plain", "robert")
	if !isHit(t, res) || res.Header.Get("X-Made") != "2" {
		t.Errorf("the page that the refresh has made is no hit: %v", res.Header)
	}
	s.wantRuns(2)
}

func TestWaitersGetTheirOwnValues(t *testing.T) {
	t.Parallel()
	for _, stale := range []bool{false, true} {
		t.Run(fmt.Sprint("stale: ", stale), func(t *testing.T) {
			t.Parallel()
			var b heldBack
			s, _ := newHoleSite(t, b.handler("max-age=60"))
			if stale {
				s.wantOwn(t, "plain", "ann")
				s.clock.Store(int64(time.Hour))
			}
			before := s.runs.Load()
			b.mu.Lock()
			var wg, started sync.WaitGroup
			for ask := range asks {
				if ask == "HEAD" || !stale && (ask == "Range" || ask == "If-Range") {
					continue // do not wait for others
				}
				for i := range 10 {
					started.Add(1)
					wg.Go(func() {
						started.Done()
						s.wantOwn(t, ask, fmt.Sprint("user", i))
					})
				}
			}
			started.Wait()
			b.mu.Unlock()
			wg.Wait()
			if n := s.runs.Load() - before; n != 1 {
				t.Errorf("the handler ran %d times for all of them", n)
			}
		})
	}
}

// A value that cannot be had for one of those who wait is his problem alone.
func TestWaiterWhoseHoleFails(t *testing.T) {
	t.Parallel()
	var b heldBack
	s, _ := newHoleSite(t, b.handler("max-age=60"))
	b.mu.Lock()
	var wg, started sync.WaitGroup
	for i := range 20 {
		started.Add(1)
		wg.Go(func() {
			started.Done()
			if i%4 != 3 {
				s.wantOwn(t, "plain", fmt.Sprint("user", i))
				return
			}
			res := s.get("http://a.test/", "X-User", "fails")
			if got := body(t, res); res.StatusCode != http.StatusInternalServerError || !strings.Contains(got, "no name") {
				t.Errorf("got %d %q, want the handler's own failure", res.StatusCode, got)
			}
		})
	}
	started.Wait()
	b.mu.Unlock()
	wg.Wait()
	s.wantOwn(t, "plain", "bob")
}

// The proxy stands in front of an application with holes: it keeps nothing of it,
// in no coding, and passes each visitor his own.
func TestHolesBehindTheProxy(t *testing.T) {
	t.Parallel()
	inner, _ := newHoleSite(t, func(set *live.Set) http.HandlerFunc {
		next := policyHoles(set)
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Text", longText[:4000])
			next(w, r)
		}
	})
	origin := httptest.NewServer(inner.h)
	t.Cleanup(origin.Close)
	u, err := url.Parse(origin.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	forward := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}
	proxy := newSite(t, forward.ServeHTTP, func(cfg *pagecache.Config) { cfg.Strict, cfg.Heuristic = true, 0.1 })
	for i := range 3 {
		for ask := range asks {
			proxy.wantOwn(t, ask, fmt.Sprint("user", i))
		}
	}
	proxy.wantRuns(int64(3 * len(asks)))
	if n := inner.runs.Load(); n > 3 { // a HEAD or a Range that comes first makes no page
		t.Errorf("the application ran %d times", n)
	}
}

// The Strict profile knows no holes: what has some is private.
func TestStrictKeepsNoHoles(t *testing.T) {
	t.Parallel()
	set := holes(t)
	s := newSite(t, policyHoles(set), func(cfg *pagecache.Config) { cfg.Strict, cfg.Live, cfg.Heuristic = true, set, 0.1 })
	for i, who := range []string{"ann", "bob", "robert"} {
		s.wantOwn(t, "plain", who)
		s.wantOwn(t, "HEAD", who)
		s.wantRuns(int64(2*i + 2))
	}
}
