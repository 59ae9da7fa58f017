package failover_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/failover"
	"github.com/echoic-go/echoic/cache/memory"
	"github.com/echoic-go/echoic/cache/null"
)

// BenchmarkGet is what the closed path adds: compare "direct" with "closed".
func BenchmarkGet(b *testing.B) {
	direct := null.New()
	for name, store := range map[string]cache.Store{
		"direct": direct,
		"closed": open(b, failover.Config{Primary: direct, Budget: calm}),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := store.Get(b.Context(), "motivational_app:1:v:quote:17@abcdefgh"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("closed, budget", func(b *testing.B) {
		store := open(b, failover.Config{Primary: direct, Budget: calm})
		ctx := cache.WithBudget(b.Context(), time.Hour)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := store.Get(ctx, "k"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("closed, parallel", func(b *testing.B) {
		store := open(b, failover.Config{Primary: direct, Budget: calm})
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, _, err := store.Get(b.Context(), "k"); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkOpen is the way to the fallback, here in memory.
func BenchmarkOpen(b *testing.B) {
	spare, err := memory.New(memory.Config{})
	must(b, err)
	defer spare.Close()
	primary := newScripted(b)
	primary.mode.Store(refuses)
	store := open(b, failover.Config{Primary: primary, Fallback: spare, Budget: calm})
	get(b, store, "k")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := store.Get(b.Context(), "k"); err != nil {
			b.Fatal(err)
		}
	}
}
