package middleware_test

import (
	"context"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

// Two servers that share a Redis: a tag empties the values, fragments and pages
// that carry it, on both, and nothing else.
func TestPurgeEmptiesValuesFragmentsAndPagesOnAllServers(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	var sites [2]*quoteSite
	for i := range sites {
		store, err := redis.New(t.Context(), redis.Config{URL: server.URL, SocketTimeout: 2 * time.Second})
		noError(t, err)
		t.Cleanup(func() { store.Close() })
		sites[i] = newQuoteSiteOn(t, cache.Config{Store: store, Prefix: server.Prefix})
	}
	a, b := sites[0], sites[1]
	loads := 0
	value := func(q *quoteSite, id string) string {
		t.Helper()
		v, err := cache.Of[string](q.cache).GetOrSet(t.Context(), "quote/"+id, func(ctx context.Context) (string, error) {
			loads++
			cache.Tag(ctx, "quote:"+id)
			return "value " + id, nil
		})
		noError(t, err)
		return v
	}
	const first = `<a href="/quotes/7"><q>first</q></a>`
	a.expect(t, "/home", first, 1, 1)
	b.expect(t, "/home", first, 0, 0)
	value(a, "7")
	value(a, "8")
	value(b, "7")
	if loads != 2 {
		t.Fatalf("%d loads, want 2", loads)
	}

	noError(t, b.cache.Purge(t.Context(), "quote:8"))
	a.expect(t, "/home", first, 1, 1)
	b.expect(t, "/home", first, 0, 0)
	value(b, "7")
	if loads != 2 {
		t.Fatalf("another tag purged value 7")
	}

	a.text.Store("second")
	b.text.Store("second")
	noError(t, a.cache.Purge(t.Context(), "quote:7"))
	const second = `<a href="/quotes/7"><q>second</q></a>`
	b.expect(t, "/home", second, 1, 1)
	a.expect(t, "/home", second, 1, 1)
	value(b, "7")
	if loads != 3 {
		t.Fatalf("%d loads, want 3", loads)
	}
	value(b, "8")
	value(a, "8")
	if loads != 4 {
		t.Fatalf("%d loads, want 4: value 8 was purged by its own tag alone", loads)
	}
}
