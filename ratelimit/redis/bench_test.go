package redis_test

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/ratelimit"
	"github.com/echoic-go/echoic/ratelimit/memory"
	"github.com/echoic-go/echoic/ratelimit/redis"
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
	report(b, "p99-µs", took)
}

func report(b *testing.B, unit string, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), unit)
}

// BenchmarkTakeUnderLoad is the load of TestTwoServers: 200 clients of each of two
// servers, ten requests a second each. Between any two decisions a client sends a
// PING the same way: what Redis, the connection and the machine take, whoever asks.
func BenchmarkTakeUnderLoad(b *testing.B) {
	server := testenv.Redis(b)
	var stores []*redis.Store
	var servers []*ratelimit.Limiter
	for range 2 {
		store := open(b, server.URL, server.Prefix)
		stores, servers = append(stores, store), append(servers, limiter(b, ratelimit.Config{Store: store, Deadline: time.Second}))
	}
	ask := ratelimit.Ask{Limit: ratelimit.Limit{Requests: chaosRequests, Period: 10 * time.Second, Burst: chaosBurst}, Key: "hot"}
	took, pings := make([]time.Duration, b.N), make([]time.Duration, b.N)
	const pause = 100 * time.Millisecond
	var next atomic.Int64
	var work sync.WaitGroup
	b.ResetTimer()
	for client := range chaosClients * len(servers) {
		work.Go(func() {
			time.Sleep(time.Duration(client) * pause / (2 * chaosClients)) // not all at the same instant
			for n := int(next.Add(1)) - 1; n < b.N; n = int(next.Add(1)) - 1 {
				begin := time.Now()
				d, err := servers[client%2].Take(b.Context(), ask)
				if took[n] = time.Since(begin); err != nil || d.Local {
					b.Errorf("%+v, %v", d, err)
				}
				time.Sleep(pause / 2)
				begin = time.Now()
				err = stores[client%2].Ping(b.Context())
				if pings[n] = time.Since(begin); err != nil {
					b.Error(err)
				}
				time.Sleep(pause / 2)
			}
		})
	}
	work.Wait()
	b.StopTimer()
	report(b, "p99-µs", took)
	report(b, "ping-p99-µs", pings)
}
