package redis_test

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

// BenchmarkGetAgainstRedigo is the judged figure: one Redis, values of 4 KiB,
// 64 goroutines, the store against a pool of redigo's, in one run.
func BenchmarkGetAgainstRedigo(b *testing.B) {
	const callers = 64
	server := testenv.Redis(b)
	store := open(b, redis.Config{URL: server.URL, SocketTimeout: calm})
	key := server.Prefix + "k"
	_, err := store.Set(b.Context(), key, bytes.Repeat([]byte("x"), 4096), time.Hour, cache.Always)
	must(b, err)
	pool := &redigo.Pool{
		MaxIdle: callers, MaxActive: callers, Wait: true,
		Dial: func() (redigo.Conn, error) {
			return redigo.DialURL(server.URL, redigo.DialReadTimeout(calm), redigo.DialWriteTimeout(calm))
		},
	}
	defer pool.Close()
	pooled := func() []byte {
		conn := pool.Get()
		defer conn.Close()
		value, err := redigo.Bytes(conn.Do("GET", key))
		if err != nil {
			b.Error(err)
		}
		return value
	}
	stored := func(ctx context.Context) []byte {
		value, _, err := store.Get(ctx, key)
		if err != nil {
			b.Error(err)
		}
		return value
	}
	for _, row := range []struct {
		name string
		get  func() []byte
	}{
		{"redigo", pooled},
		{"redigo with copy", func() []byte { return bytes.Clone(pooled()) }},
		{"store", func() []byte { return stored(context.Background()) }},
		{"store with copy", func() []byte { return bytes.Clone(stored(context.Background())) }},
		{"store that can be cancelled", func() []byte { return stored(b.Context()) }},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(4096)
			var left atomic.Int64
			left.Store(int64(b.N))
			var group sync.WaitGroup
			for range callers {
				group.Go(func() {
					for left.Add(-1) >= 0 {
						if n := len(row.get()); n != 4096 {
							b.Errorf("%d bytes", n)
						}
					}
				})
			}
			group.Wait()
		})
	}
}
