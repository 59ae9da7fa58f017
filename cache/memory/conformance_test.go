package memory_test

import (
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/cachetest"
	"github.com/echoic-go/echoic/cache/memory"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	cachetest.Run(t, func(t *testing.T) cache.Store {
		return open(t, memory.Config{MaxEntries: 20_000})
	}, cachetest.Caps{Objects: true})
}

func open(t testing.TB, cfg memory.Config) *memory.Store {
	t.Helper()
	s, err := memory.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
