package database_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache/database"
)

func TestStatsTimeStatements(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		store := open(t, database.Config{URL: url})
		before := store.Stats()
		for i := range 5 {
			set(t, store, fmt.Sprint("key", i), "x", time.Hour)
		}
		if got := store.Stats().Calls.Since(before.Calls); got.Count != 5 || got.Sum <= 0 {
			t.Errorf("5 writes were counted as %d, which took %v", got.Count, got.Sum)
		}
		for most, want := range map[int]int{100: 5, 3: 3} {
			if n, err := store.Rows(t.Context(), most); err != nil || n != want {
				t.Errorf("Rows up to %d: %d, %v; want %d", most, n, err, want)
			}
		}
	})
}
