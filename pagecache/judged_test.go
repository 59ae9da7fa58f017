package pagecache_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/pagecache"
)

// full asks for the figures in full: ECHOIC_FULL=1 go test -run 'Flood|ColdPage|Stampede'.
var full = os.Getenv("ECHOIC_FULL") != ""

// SAFETY, rule 11: random URLs, two million of them in full, leave memory at the
// cap and the hot set in place. Not parallel: it looks at the memory of the process.
func TestFloodOfRandomURLs(t *testing.T) {
	const limit = 64 << 20
	urls := 60_000 // of 2 KiB: twice what the store holds
	if full {
		urls = 2_000_000
	}
	store, err := memory.New(memory.Config{MaxBytes: limit, MaxEntries: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	text := strings.Repeat("x", 2<<10)
	s := newSite(t, page(text), func(cfg *pagecache.Config) {
		kept, err := cache.New(cache.Config{Store: store, IgnoreErrors: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = kept.Close() })
		cfg.Cache, cfg.TTL = kept, time.Hour
	})
	before := heapInUse()
	hits, asked := 0, 0
	w, r := new(bare), httptest.NewRequest(http.MethodGet, "http://a.test/", nil)
	ask := func(query string) bool {
		w.header = make(http.Header, 16)
		r.URL.RawQuery = query
		s.h.ServeHTTP(w, r)
		return strings.Contains(w.header["Cache-Status"][0], "; hit")
	}
	for i := range urls {
		ask(fmt.Sprint("junk=", i*2654435761))
		if i%4 == 0 {
			if hit := ask(fmt.Sprint("hot=", i/4%500)); i > urls/4 {
				if asked++; hit {
					hits++
				}
			}
		}
	}
	if held := store.Bytes(); held > limit {
		t.Errorf("the store holds %d bytes, its cap is %d", held, limit)
	}
	grown := heapInUse() - before
	t.Logf("%d random URLs: heap grew by %.3f of the cap, %.4f of hot requests were hits", urls, float64(grown)/limit, float64(hits)/float64(asked))
	if grown > limit*5/4 {
		t.Errorf("memory grew by %.2f of the cap", float64(grown)/limit)
	}
	if rate := float64(hits) / float64(asked); rate < 0.95 {
		t.Errorf("%.3f of the requests for hot pages were hits", rate)
	}
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// bare is a writer that keeps the header alone.
type bare struct{ header http.Header }

func (w *bare) Header() http.Header         { return w.header }
func (w *bare) Write(b []byte) (int, error) { return len(b), nil }
func (w *bare) WriteHeader(int)             {}

// Many clients over sockets, 9,000 in full, on a cold page that takes 5 s in full:
// one run, all are answered, and the goroutines are gone. TestStampede has 10,000
// without sockets, of which both ends are in this process. Not parallel: it counts
// goroutines.
func TestColdPageOverSockets(t *testing.T) {
	clients, takes := 500, 100*time.Millisecond
	if full {
		clients, takes = 9_000, 5*time.Second
	}
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(takes) // what the page takes, not a wait for something
		_, _ = io.WriteString(w, "x")
	}, func(cfg *pagecache.Config) { cfg.WaitTimeout = time.Minute })
	before := runtime.NumGoroutine()
	server := httptest.NewServer(s.h)
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport}
	var wg sync.WaitGroup
	var answered atomic.Int64
	for range clients {
		wg.Go(func() {
			res, err := client.Get(server.URL)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if b, err := io.ReadAll(res.Body); err == nil && string(b) == "x" && res.StatusCode == 200 {
				answered.Add(1)
			}
		})
	}
	wg.Wait()
	server.Close()
	transport.CloseIdleConnections()
	if n := answered.Load(); n != int64(clients) {
		t.Errorf("%d of %d clients were answered", n, clients)
	}
	s.wantRuns(1)
	until(t, "goroutines back to base", func() bool { runtime.Gosched(); return runtime.NumGoroutine() <= before+2 })
}
