package near_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/near"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

// BenchmarkAgainstRedigo reads one value of 4 KiB from one Redis with 64
// goroutines: by a pool of redigo's, by the store, and from what the process
// holds, in turns, so that what else the machine does hits all alike. It reports
// medians, as multiples of the pool's rate.
func BenchmarkAgainstRedigo(b *testing.B) {
	const rounds, turn = 7, 300 * time.Millisecond
	readers := newReaders(b)
	rates := make([][]float64, len(readers))
	for b.Loop() {
		for round := range rounds + 1 {
			for i, r := range readers {
				if rate := rateOf(b, r.read, turn); round > 0 { // the first warms up
					rates[i] = append(rates[i], rate)
				}
			}
		}
	}
	base := median(rates[0])
	for i, r := range readers {
		b.ReportMetric(median(rates[i])/base, r.name)
	}
	b.ReportMetric(base, "redigo/s")
}

type reader struct {
	name string
	read func() (int, error)
}

func newReaders(b *testing.B) []reader {
	b.Helper()
	const callers, key = 64, "k"
	server := testenv.Redis(b)
	store, err := redis.New(b.Context(), redis.Config{URL: server.URL, SocketTimeout: patience})
	must(b, err)
	b.Cleanup(func() { must(b, store.Close()) })
	tier := track(b, server.URL, server.Prefix)
	c, err := cache.New(cache.Config{Store: store, Near: tier, Prefix: server.Prefix, Compressor: cache.NoCompression})
	must(b, err)
	b.Cleanup(func() { must(b, c.Close()) })
	value := bytes.Repeat([]byte("x"), 4<<10)
	values := cache.Of[[]byte](c)
	_, err = values.Set(b.Context(), key, value, cache.TTL(time.Hour))
	must(b, err)
	_, err = store.Set(b.Context(), server.Prefix+":raw", value, time.Hour, cache.Always)
	must(b, err)
	for i := range 14_000 { // the tier of a site that has run for a while: full
		other := fmt.Sprintf("%s:1:v:other%d@x", server.Prefix, i)
		tier.Put(other, bytes.Clone(value), len(value), time.Hour, tier.Stamp(other))
	}
	pool := &redigo.Pool{MaxIdle: callers, MaxActive: callers, Wait: true, Dial: func() (redigo.Conn, error) { return redigo.DialURL(server.URL) }}
	b.Cleanup(func() { _ = pool.Close() })
	ctx := b.Context()
	rooms := sync.Pool{New: func() any { return new([]byte) }}
	return []reader{
		{"redigo", func() (int, error) {
			conn := pool.Get()
			defer conn.Close()
			v, err := redigo.Bytes(conn.Do("GET", server.Prefix+":raw"))
			return len(v), err
		}},
		{"store-x", func() (int, error) { v, _, err := store.Get(ctx, server.Prefix+":raw"); return len(v), err }},
		{"near-shared-x", func() (int, error) { v, _, err := values.GetShared(ctx, key); return len(v), err }},
		// Into memory that is used again, and into new memory: that is as fast as
		// the garbage collector, which bytes.Clone alone shows.
		{"near-copied-x", func() (int, error) {
			room := rooms.Get().(*[]byte)
			defer rooms.Put(room)
			var err error
			*room, _, err = values.AppendBytes(ctx, (*room)[:0], key)
			return len(*room), err
		}},
		{"near-allocated-x", func() (int, error) { v, _, err := values.Get(ctx, key); return len(v), err }},
		{"clone-x", func() (int, error) { return len(bytes.Clone(value)), nil }},
	}
}

// rateOf is how often 64 goroutines read in a second.
func rateOf(b *testing.B, read func() (int, error), turn time.Duration) float64 {
	b.Helper()
	var total atomic.Int64
	var group sync.WaitGroup
	begin := time.Now()
	end := begin.Add(turn)
	for range 64 {
		group.Go(func() {
			var n int64
			for n&31 != 0 || time.Now().Before(end) {
				if size, err := read(); err != nil || size != 4<<10 {
					b.Error(fmt.Errorf("%d bytes, %w", size, err))
					return
				}
				n++
			}
			total.Add(n)
		})
	}
	group.Wait()
	return float64(total.Load()) / time.Since(begin).Seconds()
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

var _ cache.Near = (*near.Tier)(nil)
