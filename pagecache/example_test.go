package pagecache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/pagecache"
)

func Example() {
	store, err := memory.New(memory.Config{})
	if err != nil {
		panic(err)
	}
	defer store.Close()
	c, err := cache.New(cache.Config{Store: store})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	pages, err := pagecache.New(pagecache.Config{Cache: c, TTL: 15 * time.Minute})
	if err != nil {
		panic(err)
	}
	defer pages.Close()

	runs := 0
	site := pages.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runs++
		cache.Tag(r.Context(), "quote:7") // purging it removes the page
		_, _ = io.WriteString(w, "Be yourself; everyone else is already taken.")
	}))
	ask := func() {
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequest("GET", "http://example.org/quotes/7", nil))
		status, _, _ := strings.Cut(w.Header().Get("Cache-Status"), "; ttl=")
		fmt.Println(w.Code, status)
	}
	ask()
	ask()
	if err := pages.Purge(context.Background(), "quote:7"); err != nil {
		panic(err)
	}
	ask()
	fmt.Println(runs, "runs; the last decision:", pages.Recent()[0].Reason)
	// Output:
	// 200 Echoic; fwd=uri-miss; stored
	// 200 Echoic; hit
	// 200 Echoic; fwd=uri-miss; stored
	// 2 runs; the last decision: uri-miss
}
