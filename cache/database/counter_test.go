package database_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
)

func TestIncrConcurrent(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		stores := []*database.Store{open(t, database.Config{URL: url}), open(t, database.Config{URL: url})}
		set(t, stores[0], "there", "0", time.Hour)
		tests := []struct {
			name   string
			create *cache.Initial
		}{{"there", nil}, {"created", &cache.Initial{TTL: time.Hour}}}
		for _, test := range tests {
			var group sync.WaitGroup
			for i := range 200 {
				group.Go(func() {
					if _, err := stores[i%2].Incr(t.Context(), test.name, 1, test.create); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			holds(t, stores[1], test.name, "200")
			if ttl, found, err := stores[0].TTL(t.Context(), test.name); err != nil || !found || ttl > time.Hour || ttl < 50*time.Minute {
				t.Errorf("TTL after 200 Incr = %v, %v, %v; want what is left of an hour", ttl, found, err)
			}
		}
	})
}

// Integers are what Incr itself writes, on both.
func TestIncrCanonical(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url})
		for _, value := range []string{"007", "+5", "-0", "00", "-07", "1\x00", "\x001", "5\xff", "9223372036854775808"} {
			set(t, store, "k", value, cache.Forever)
			for _, create := range []*cache.Initial{nil, {TTL: time.Hour}} {
				if n, err := store.Incr(t.Context(), "k", -1, create); !errors.Is(err, cache.ErrNotInteger) {
					t.Errorf("Incr of %q = %d, %v, want %v", value, n, err, cache.ErrNotInteger)
				}
			}
			holds(t, store, "k", value)
		}
	})
}

// The sum of what would be created overflows, but something is there.
func TestIncrIgnoresWhatItWouldCreate(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url})
		set(t, store, "k", "1", cache.Forever)
		if n, err := store.Incr(t.Context(), "k", 5, &cache.Initial{Value: 1<<63 - 1, TTL: time.Hour}); n != 6 || err != nil {
			t.Errorf("Incr = %d, %v, want 6", n, err)
		}
	})
}
