package durable_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/redis"
)

// contenders are a store on Redis alone and one with Postgres behind it, on the
// same servers.
func contenders(b *testing.B) map[string]session.Store {
	r := testenv.Redis(b)
	cfg := redis.OpenConfig{URL: r.URL, Prefix: r.Prefix, SocketTimeout: patience}
	alone, err := redis.Open(b.Context(), cfg)
	must(b, err)
	closing(b, alone.Close)
	both := open(b, openPostgres(b, testenv.Postgres(b).Database(b)), cfg, calm)
	await(b, both)
	return map[string]session.Store{"redis": alone, "durable": both.Store}
}

func BenchmarkRead(b *testing.B) {
	for name, s := range contenders(b) {
		rec := session.Record{Data: make([]byte, 300), Expiry: time.Now().Add(time.Hour)}
		if _, err := s.Insert(b.Context(), "read", rec); err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, found, err := s.Fetch(b.Context(), "read"); err != nil || !found {
					b.Fatal(found, err)
				}
			}
		})
	}
}

func BenchmarkCommit(b *testing.B) {
	for name, s := range contenders(b) {
		now := session.Record{Data: []byte("0"), Expiry: time.Now().Add(time.Hour)}
		if _, err := s.Insert(b.Context(), "commit", now); err != nil {
			b.Fatal(err)
		}
		swapper := s.(session.Swapper)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				next := session.Record{Data: fmt.Appendf(nil, "%s %d", name, n), Expiry: now.Expiry}
				if done, err := swapper.Swap(b.Context(), "commit", now.Data, next); err != nil || !done {
					b.Fatal(done, err)
				}
				now = next
			}
		})
	}
}
