package database_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/database"
)

func BenchmarkStore(b *testing.B) {
	value := make([]byte, 1024)
	keys := numbered(20)
	for _, backend := range backends {
		b.Run(backend.name, func(b *testing.B) {
			store := open(b, database.Config{URL: backend.new(b)})
			ctx := b.Context()
			if _, err := store.SetMany(ctx, items(keys, time.Hour)); err != nil {
				b.Fatal(err)
			}
			calls := []struct {
				name string
				do   func() error
			}{
				{"Hit", func() error { _, _, err := store.Get(ctx, keys[0]); return err }},
				{"Miss", func() error { _, _, err := store.Get(ctx, "absent"); return err }},
				{"Set", func() error { _, err := store.Set(ctx, keys[1], value, time.Hour, cache.Always); return err }},
				{"Incr", func() error {
					_, err := store.Incr(ctx, "n", 1, &cache.Initial{TTL: time.Hour})
					return err
				}},
				{"GetMany20", func() error { _, err := store.GetMany(ctx, keys); return err }},
				{"SetMany20", func() error { _, err := store.SetMany(ctx, items(keys, time.Hour)); return err }},
			}
			for _, call := range calls {
				b.Run(call.name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if err := call.do(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}
