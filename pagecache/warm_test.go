package pagecache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/pagecache"
)

// Pages from a list, from sitemaps, and those wanted most, each once, asked for by
// nobody in particular.
func TestWarm(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if name != "User-Agent" {
				t.Errorf("the handler sees %s: %q", name, r.Header[name])
			}
		}
		switch r.URL.Path {
		case "/sitemap.xml":
			_, _ = fmt.Fprint(w, `<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap><loc>https://a.test/pages.xml</loc></sitemap></sitemapindex>`)
		case "/pages.xml":
			_, _ = fmt.Fprint(w, `<urlset><url><loc>https://a.test/1?a=1&amp;b=2</loc><lastmod>2026-01-01</lastmod></url><url><loc> https://a.test/2 </loc></url><url><loc>https://elsewhere.test/3</loc></url></urlset>`)
		case "/missing":
			w.WriteHeader(404)
		case "/panic":
			panic(http.ErrAbortHandler)
		default:
			page(r.Host+r.URL.String())(w, r)
		}
	}, nil)
	var calls []pagecache.WarmProgress
	got, err := s.pages.Warm(t.Context(), pagecache.WarmConfig{
		Server: s.h, URLs: []string{"https://a.test/2", "http://b.test", "https://a.test/missing", "https://a.test/panic", "/nowhere", "https://a.test/2"},
		Sitemaps: []string{"https://a.test/sitemap.xml"}, PerSecond: 10_000, Progress: func(p pagecache.WarmProgress) { calls = append(calls, p) },
	})
	want := pagecache.WarmProgress{Total: 6, Done: 6, Made: 3, Failed: 3}
	if got.URL = ""; err != nil || got != want || len(calls) != 6 || calls[5].Done != 6 {
		t.Fatalf("%+v, %v after %d calls, want %+v", got, err, len(calls), want)
	}
	for _, u := range []string{"https://a.test/1?a=1&b=2", "https://a.test/2", "http://b.test/"} {
		if !isHit(t, s.get(u)) {
			t.Errorf("%s is cold", u)
		}
	}
	if got, err = s.pages.Warm(t.Context(), pagecache.WarmConfig{Server: s.h, URLs: []string{"https://a.test/2"}}); err != nil || got.Fresh != 1 {
		t.Fatalf("a page that is there: %+v, %v", got, err)
	}
	if _, err = s.pages.Warm(t.Context(), pagecache.WarmConfig{Server: s.h, Sitemaps: []string{"https://a.test/missing"}}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Fatalf("a sitemap that is not there: %v", err)
	}
	if _, err = s.pages.Warm(t.Context(), pagecache.WarmConfig{}); err == nil || !strings.Contains(err.Error(), "Server") {
		t.Fatalf("no server: %v", err)
	}
}

// Neither more at once nor faster than asked for, and no longer than the context.
func TestWarmIsBounded(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		time.Sleep(time.Millisecond)
		page("x")(w, r)
	}, nil)
	var urls []string
	for i := range 50 {
		urls = append(urls, fmt.Sprint("http://a.test/", i))
	}
	begin := time.Now()
	if _, err := s.pages.Warm(t.Context(), pagecache.WarmConfig{Server: s.h, URLs: urls, PerSecond: 1000, Concurrency: 2}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); most.Load() > 2 || took < 40*time.Millisecond {
		t.Fatalf("%d at once, 50 in %v", most.Load(), took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := s.pages.Warm(ctx, pagecache.WarmConfig{Server: s.h, URLs: urls}); !errors.Is(err, context.Canceled) || got.Done > 1 {
		t.Fatalf("%+v, %v", got, err)
	}
}
