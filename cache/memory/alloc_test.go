package memory_test

import (
	"testing"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

// Not parallel: it counts the allocations of the whole process.
func TestReadsAllocateNothing(t *testing.T) {
	s := open(t, memory.Config{})
	ctx := t.Context()
	set(t, s, "bytes", 100)
	s.SetObject("object", &struct{}{}, 100, cache.Forever)
	for _, test := range []struct {
		name string
		read func()
	}{
		{"Get", func() { _, _, _ = s.Get(ctx, "bytes") }},
		{"Get miss", func() { _, _, _ = s.Get(ctx, "absent") }},
		{"Object", func() { _, _ = s.Object("object") }},
		{"TTL", func() { _, _, _ = s.TTL(ctx, "bytes") }},
	} {
		if n := testing.AllocsPerRun(2000, test.read); n != 0 {
			t.Errorf("%s allocates %v times", test.name, n)
		}
	}
}
