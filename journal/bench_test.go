package journal_test

import (
	"slices"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/journal"
)

// BenchmarkLatency is the time from the call of Append on one server to the
// subscriber on another.
func BenchmarkLatency(b *testing.B) {
	for _, backend := range backends[:2] {
		b.Run(backend.name, func(b *testing.B) {
			url := backend.new(b)
			writer, reader := open(b, journal.Config{URL: url}), open(b, journal.Config{URL: url})
			arrived := make(chan time.Time, 1)
			defer reader.Subscribe(func([]journal.Row) { arrived <- time.Now() })()
			var took []time.Duration
			for b.Loop() {
				begin := time.Now()
				if _, err := writer.Append(b.Context(), tag("quotes")); err != nil {
					b.Fatal(err)
				}
				took = append(took, (<-arrived).Sub(begin))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, backend := range backends {
		b.Run(backend.name, func(b *testing.B) {
			j := open(b, journal.Config{URL: backend.new(b)})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := j.Append(b.Context(), tag("quotes")); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAppendDurably is with a server that waits for the disk, from 64
// goroutines, which share commits.
func BenchmarkAppendDurably(b *testing.B) {
	server := testenv.NewPostgres(b, testenv.PostgresConfig{Durable: true})
	j := open(b, journal.Config{URL: server.Database(b)})
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := j.Append(b.Context(), tag("quotes")); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
