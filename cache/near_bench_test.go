package cache_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/cache/near"
)

// BenchmarkNear reads a value of 4 KiB that this process holds.
func BenchmarkNear(b *testing.B) {
	rows, err := memory.New(memory.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	tier, err := near.New(near.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer tier.Close()
	tier.Feed("bench").Up()
	c, err := cache.New(cache.Config{Store: &far{rows: rows}, Near: tier})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	values := cache.Of[[]byte](c)
	if _, err := values.Set(b.Context(), "k", bytes.Repeat([]byte("x"), 4<<10), cache.TTL(time.Hour), cache.WithTags("a", "b")); err != nil {
		b.Fatal(err)
	}
	rooms := sync.Pool{New: func() any { return new([]byte) }}
	for _, row := range []struct {
		name string
		get  func() (bool, error)
	}{
		{"shared", func() (bool, error) { _, found, err := values.GetShared(b.Context(), "k"); return found, err }},
		{"appended", func() (found bool, err error) {
			room := rooms.Get().(*[]byte)
			defer rooms.Put(room)
			*room, found, err = values.AppendBytes(b.Context(), (*room)[:0], "k")
			return found, err
		}},
		{"copied", func() (bool, error) { _, found, err := values.Get(b.Context(), "k"); return found, err }},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if found, err := row.get(); !found || err != nil {
						b.Errorf("found %v, %v", found, err)
					}
				}
			})
		})
	}
}
