package near_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/cache/near"
	"github.com/echoic-go/echoic/internal/testenv"
)

const benchKeys = 1024

// benchKey looks as the key of a page does.
func benchKey(i int) string {
	return fmt.Sprintf("motivational_app:p:%043d@%08d", i%benchKeys, 1)
}

func benchTier(b *testing.B) (*near.Tier, []string) {
	tier, _ := verified(b, near.Config{Prefixes: []string{"motivational_app"}})
	keys := make([]string, benchKeys)
	for i := range keys {
		keys[i] = benchKey(i)
		hold(b, tier, keys[i], &i)
	}
	b.ReportAllocs()
	return tier, keys
}

func BenchmarkGet(b *testing.B) {
	tier, keys := benchTier(b)
	b.SetParallelism(64)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, found := tier.Get(keys[i%benchKeys]); !found {
				b.Error("a miss")
			}
		}
	})
}

func BenchmarkGetMiss(b *testing.B) {
	tier, keys := benchTier(b)
	tier.DropAll()
	b.SetParallelism(64)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			tier.Get(keys[i%benchKeys])
		}
	})
}

func BenchmarkPut(b *testing.B) {
	tier, keys := benchTier(b)
	value := new(int)
	b.SetParallelism(64)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			key := keys[i%benchKeys]
			tier.Put(key, value, 4096, time.Minute, tier.Stamp(key))
		}
	})
}

// BenchmarkPutNew puts keys that have not been there, as a crawler would.
func BenchmarkPutNew(b *testing.B) {
	tier, _ := benchTier(b)
	value := new(int)
	var n atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			key := fmt.Sprintf("motivational_app:p:%043d", n.Add(1))
			tier.Put(key, value, 4096, time.Minute, tier.Stamp(key))
		}
	})
}

func BenchmarkInvalidate(b *testing.B) {
	for _, held := range []bool{false, true} {
		b.Run(fmt.Sprint("held=", held), func(b *testing.B) {
			tier, keys := benchTier(b)
			tier.Invalidate(keys...)
			for i := 0; b.Loop(); i++ {
				key := keys[i%benchKeys]
				if held {
					b.StopTimer()
					hold(b, tier, key, 1)
					b.StartTimer()
				}
				tier.Invalidate(key)
			}
		})
	}
}

func BenchmarkDropAll(b *testing.B) {
	tier, _ := benchTier(b)
	for b.Loop() {
		tier.DropAll()
	}
}

// BenchmarkInvalidationLatency measures from before a write by another
// connection to the moment in which the tier has dropped the key.
func BenchmarkInvalidationLatency(b *testing.B) {
	server := testenv.Redis(b)
	tier := track(b, server.URL, server.Prefix)
	c, err := redis.DialURL(server.URL)
	must(b, err)
	defer c.Close()
	key := server.Prefix + ":t:tag"
	var times []time.Duration
	for b.Loop() {
		hold(b, tier, key, 1)
		changed, stop := tier.Watch(key)
		begin := time.Now()
		must(b, c.Send("SET", key, "x"))
		must(b, c.Flush())
		<-changed
		times = append(times, time.Since(begin))
		stop()
		_, err := c.Receive()
		must(b, err)
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(0, "ns/op")
}
