package pagecache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/pagecache"
)

// plainWriter is as much of a connection as a benchmark needs.
type plainWriter struct{ h http.Header }

func (w *plainWriter) Header() http.Header         { return w.h }
func (w *plainWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *plainWriter) WriteHeader(int)             {}

// tenKB is a page with 20 tags.
func tenKB(tags int) http.HandlerFunc {
	text := []byte(strings.Repeat("0123456789", 1024))
	return func(w http.ResponseWriter, r *http.Request) {
		for i := range tags {
			cache.Tag(r.Context(), fmt.Sprint("tag:", i))
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(text)
	}
}

func benchPages(tb testing.TB) *pagecache.Pages {
	tb.Helper()
	store, err := memory.New(memory.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	c, err := cache.New(cache.Config{Store: store, IgnoreErrors: true})
	if err != nil {
		tb.Fatal(err)
	}
	pages, err := pagecache.New(pagecache.Config{Cache: c, TTL: time.Hour})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = pages.Close()
		_ = c.Close()
		_ = store.Close()
	})
	return pages
}

func BenchmarkHit(b *testing.B) {
	h := benchPages(b).Handler(tenKB(20))
	r := httptest.NewRequest(http.MethodGet, "http://example.org/quotes/latest?page=2", nil)
	w := &plainWriter{h: make(http.Header, 16)}
	h.ServeHTTP(w, r)
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		h.ServeHTTP(w, r)
	}
	if w.h["Age"] == nil {
		b.Fatal("not a hit")
	}
}

// A page that varies, by the route's word or by its own, for a client that takes
// gzip.
func BenchmarkHitVary(b *testing.B) {
	for name, opts := range map[string][]pagecache.Option{"route": {pagecache.VaryOn("X-Kind")}, "answer": nil} {
		b.Run(name, func(b *testing.B) {
			h, r := variedPage(b, opts...)
			w := &plainWriter{h: make(http.Header, 16)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
		})
	}
}

// variedPage is a page that varies and has been served before.
func variedPage(tb testing.TB, opts ...pagecache.Option) (http.Handler, *http.Request) {
	h := benchPages(tb).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "X-Kind, Accept-Language")
		tenKB(20)(w, r)
	}), opts...)
	r := httptest.NewRequest(http.MethodGet, "http://example.org/quotes/latest?page=2", nil)
	r.Header.Set("X-Kind", "a")
	r.Header.Set("Accept-Language", "en, de;q=0.5")
	r.Header.Set("Accept-Encoding", "gzip, deflate, br")
	w := &plainWriter{h: make(http.Header, 16)}
	for deadline := time.Now().Add(10 * time.Second); w.h["Content-Encoding"] == nil; {
		if time.Now().After(deadline) {
			tb.Fatal("never coded")
		}
		clear(w.h)
		h.ServeHTTP(w, r)
	}
	h.ServeHTTP(w, r)
	return h, r
}

// A hit allocates nothing, also where the page varies.
func TestHitsDoNotAllocate(t *testing.T) {
	for name, opts := range map[string][]pagecache.Option{"route": {pagecache.VaryOn("X-Kind")}, "answer": nil} {
		h, r := variedPage(t, opts...)
		w := &plainWriter{h: make(http.Header, 16)}
		// Once a second the age is written anew.
		if n := testing.AllocsPerRun(2000, func() { clear(w.h); h.ServeHTTP(w, r) }); n >= 1 {
			t.Errorf("varies by the %s: %v allocations", name, n)
		}
		if w.h["Age"] == nil || w.h["Content-Encoding"] == nil {
			t.Errorf("varies by the %s: not a coded hit: %v", name, w.h)
		}
	}
}

func BenchmarkHitParallel(b *testing.B) {
	h := benchPages(b).Handler(tenKB(20))
	h.ServeHTTP(&plainWriter{h: make(http.Header, 16)}, httptest.NewRequest(http.MethodGet, "http://example.org/", nil))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := httptest.NewRequest(http.MethodGet, "http://example.org/", nil)
		w := &plainWriter{h: make(http.Header, 16)}
		for pb.Next() {
			clear(w.h)
			h.ServeHTTP(w, r)
		}
	})
}

// What a miss costs is the difference to BenchmarkNoCache.
func BenchmarkMiss(b *testing.B) {
	h := benchPages(b).Handler(tenKB(0))
	r := httptest.NewRequest(http.MethodGet, "http://example.org/", nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.URL.RawQuery = fmt.Sprint("page=", i)
		h.ServeHTTP(&plainWriter{h: make(http.Header, 16)}, r)
	}
}

func BenchmarkNoCache(b *testing.B) {
	h := tenKB(0)
	r := httptest.NewRequest(http.MethodGet, "http://example.org/", nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.URL.RawQuery = fmt.Sprint("page=", i)
		h.ServeHTTP(&plainWriter{h: make(http.Header, 16)}, r)
	}
}
