package redis_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/ratelimit"
	"github.com/echoic-go/echoic/ratelimit/memory"
)

// BenchmarkTake measures one decision, with its 99th percentile.
func BenchmarkTake(b *testing.B) {
	address := ratelimit.Limit{Name: "address", Requests: 1_000_000, Period: time.Minute}
	user := ratelimit.Limit{Name: "user", Requests: 1_000_000, Period: time.Minute}
	server := testenv.Redis(b)
	inMemory, err := memory.New(memory.Config{})
	must(b, err)
	for _, row := range []struct {
		name string
		cfg  ratelimit.Config
	}{
		{"redis", ratelimit.Config{Store: open(b, server.URL, server.Prefix), Deadline: time.Second}},
		{"memory", ratelimit.Config{Store: inMemory}},
		{"local", ratelimit.Config{}},
	} {
		l := limiter(b, row.cfg)
		for _, limits := range []int{1, 2} {
			b.Run(row.name+"/limits="+strconv.Itoa(limits), func(b *testing.B) {
				measure(b, func(i int) {
					key := strconv.Itoa(i % 1000)
					asks := []ratelimit.Ask{{Limit: address, Key: key}, {Limit: user, Key: key}}
					if _, err := l.TakeGroup(b.Context(), key, asks[:limits]...); err != nil {
						b.Error(err)
					}
				})
			})
		}
		b.Run(row.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, err := l.Take(b.Context(), ratelimit.Ask{Limit: address, Key: strconv.Itoa(i % 1000)}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func measure(b *testing.B, once func(i int)) {
	b.ReportAllocs()
	took := make([]time.Duration, 0, b.N)
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		once(i)
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
