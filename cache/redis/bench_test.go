package redis_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
)

func BenchmarkGet(b *testing.B) {
	server := testenv.Redis(b)
	store := open(b, redis.Config{URL: server.URL, SocketTimeout: calm})
	key := server.Prefix + "k"
	_, err := store.Set(b.Context(), key, bytes.Repeat([]byte("x"), 1024), time.Hour, cache.Always)
	must(b, err)
	get := func() {
		if _, found, err := store.Get(b.Context(), key); err != nil || !found {
			b.Error(found, err)
		}
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			get()
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				get()
			}
		})
	})
}

func BenchmarkGetMiss(b *testing.B) {
	server := testenv.Redis(b)
	store := open(b, redis.Config{URL: server.URL, SocketTimeout: calm})
	b.ReportAllocs()
	for b.Loop() {
		if _, found, err := store.Get(b.Context(), server.Prefix+"never"); err != nil || found {
			b.Error(found, err)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	server := testenv.Redis(b)
	store := open(b, redis.Config{URL: server.URL, SocketTimeout: calm})
	value := bytes.Repeat([]byte("x"), 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.Set(b.Context(), server.Prefix+"k", value, time.Hour, cache.Always); err != nil {
			b.Error(err)
		}
	}
}
