package memory_test

import (
	"fmt"
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

func benchKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("motivational_app:p:%043d@generatn", i)
	}
	return keys
}

// filled is a store with 512 of the keys in it.
func filled(b *testing.B, keys []string) *memory.Store {
	b.Helper()
	s := open(b, memory.Config{})
	for _, key := range keys {
		if _, err := s.Set(b.Context(), key, make([]byte, 1000), cache.Forever, cache.Always); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func BenchmarkGet(b *testing.B) {
	keys := benchKeys(512)
	s := filled(b, keys)
	ctx := b.Context()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, found, err := s.Get(ctx, keys[i&511]); !found || err != nil {
			b.Fatal(found, err)
		}
	}
}

func BenchmarkGetMiss(b *testing.B) {
	keys := benchKeys(1024)
	s := filled(b, keys[:512])
	ctx := b.Context()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, found, err := s.Get(ctx, keys[512+i&511]); found || err != nil {
			b.Fatal(found, err)
		}
	}
}

func BenchmarkObject(b *testing.B) {
	keys := benchKeys(512)
	s := open(b, memory.Config{})
	page := &struct{ body []byte }{}
	for _, key := range keys {
		s.SetObject(key, page, 10_000, cache.Forever)
	}
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, found := s.Object(keys[i&511]); !found {
				b.Fatal("miss")
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if _, found := s.Object(keys[i&511]); !found {
					b.Error("miss")
					return
				}
			}
		})
	})
}

func BenchmarkSet(b *testing.B) {
	for _, bench := range []struct {
		name string
		keys int // in turn; the store holds 1000
	}{{"overwrite", 512}, {"evict", 1 << 16}} {
		b.Run(bench.name, func(b *testing.B) {
			keys := benchKeys(bench.keys)
			s := filled(b, keys[:512])
			ctx, value := b.Context(), make([]byte, 1000)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := s.Set(ctx, keys[i%len(keys)], value, cache.Forever, cache.Always); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMixedParallel(b *testing.B) {
	keys := benchKeys(4096)
	s := filled(b, keys[:512])
	value := make([]byte, 1000)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		ctx := b.Context()
		for i := 0; pb.Next(); i++ {
			key := keys[(i*7)&511]
			if i%8 == 0 {
				key = keys[(i*31)&4095]
				if _, err := s.Set(ctx, key, value, cache.Forever, cache.Always); err != nil {
					b.Error(err)
					return
				}
				continue
			}
			if _, _, err := s.Get(ctx, key); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
