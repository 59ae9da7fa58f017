package journal_test

import (
	"slices"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/journal"
)

// FuzzInvalidations writes messages of any kind and name: they are refused, or
// arrive as they were, in their order.
func FuzzInvalidations(f *testing.F) {
	f.Add(uint8(1), "quote:7", uint8(2), "/quotes/7")
	f.Add(uint8(0), "", uint8(255), "\x00\xff\r\n")
	f.Add(uint8(3), "a'b\"c\\", uint8(4), "ü€😀")
	url := "sqlite://" + f.TempDir() + "/journal.db"
	j := open(f, journal.Config{URL: url})
	f.Fuzz(func(t *testing.T, kindA uint8, a string, kindB uint8, b string) {
		list := []cache.Invalidation{{Kind: cache.InvalidationKind(kindA), Name: a}, {Kind: cache.InvalidationKind(kindB), Name: b}}
		before, err := j.End(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = j.Append(t.Context(), list...)
		rows, _, _, readErr := j.Since(t.Context(), before, 100)
		if readErr != nil {
			t.Fatal(readErr)
		}
		var got []cache.Invalidation
		for _, row := range rows {
			got = append(got, row.Invalidation)
		}
		switch {
		case err != nil && len(got) > 0:
			t.Fatalf("%q was refused (%v), and is there: %q", list, err, got)
		case err == nil && !slices.Equal(got, list):
			t.Fatalf("%q arrived as %q", list, got)
		}
	})
}
