package metrics_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/metrics"
)

func TestCounterCountsAll(t *testing.T) {
	t.Parallel()
	var c metrics.Counter
	var work sync.WaitGroup
	for range 16 {
		work.Go(func() {
			for range 1000 {
				c.Add(2)
			}
		})
	}
	work.Wait()
	if got := c.Load(); got != 32_000 {
		t.Errorf("16 goroutines added 2 a thousand times each: %d", got)
	}
}

func TestHistogramQuantiles(t *testing.T) {
	t.Parallel()
	var h metrics.Histogram
	if l := h.Snapshot(); l.Quantile(0.5) != 0 || l.Mean() != 0 {
		t.Error("an empty histogram has a median or a mean")
	}
	for i := range 1000 {
		h.Observe(time.Duration(i+1) * time.Millisecond)
	}
	h.Observe(-time.Second)
	l := h.Snapshot()
	if l.Count != 1001 {
		t.Fatalf("count %d, want 1001", l.Count)
	}
	for q, want := range map[float64]time.Duration{0.1: 100 * time.Millisecond, 0.5: 500 * time.Millisecond, 0.95: 950 * time.Millisecond} {
		if got := l.Quantile(q); got < want*95/100 || got > want*105/100 {
			t.Errorf("quantile %v is %v, want about %v", q, got, want)
		}
	}
	h.Observe(time.Hour)
	if got := h.Snapshot().Since(l); got.Count != 1 || got.Sum != time.Hour || got.Quantile(1) != 10*time.Second {
		t.Errorf("one hour since the last snapshot: %+v, its quantile %v", got, got.Quantile(1))
	}
}

func TestBoundsGrow(t *testing.T) {
	t.Parallel()
	for i := 1; i < metrics.Buckets; i++ {
		if metrics.Bound(i) <= metrics.Bound(i-1) {
			t.Errorf("bound %d is %v, not above %v", i, metrics.Bound(i), metrics.Bound(i-1))
		}
	}
	var h metrics.Histogram
	for i := range metrics.Buckets - 1 { // a bound belongs to its own bucket
		h.Observe(metrics.Bound(i))
	}
	for i, n := range h.Snapshot().Counts {
		if n != 1 && i < metrics.Buckets-1 {
			t.Errorf("bucket %d holds %d of the bounds, want its own", i, n)
		}
	}
}

// Space-Saving promises that a name above 1/size of all is there, and that a
// weight minus its error is a lower bound of the truth, the weight an upper one.
func TestTopKeepsHeavyNames(t *testing.T) {
	t.Parallel()
	const size, heavy = 64, 10
	top := metrics.NewTop(size)
	truth := map[string]uint64{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		name := fmt.Sprint("junk ", random.Uint32())
		if n := random.IntN(20); n < heavy {
			name = fmt.Sprint("heavy ", n)
		}
		truth[name]++
		top.Add(name, 1)
	}
	list := top.List(heavy)
	for _, h := range list {
		if h.Weight < truth[h.Name] || h.Weight-h.Error > truth[h.Name] {
			t.Errorf("%s: weight %d, error %d, truth %d", h.Name, h.Weight, h.Error, truth[h.Name])
		}
		if truth[h.Name] < 5000 {
			t.Errorf("%s is among the heaviest but came %d times", h.Name, truth[h.Name])
		}
	}
	if got := len(top.List(1_000_000)); got != size {
		t.Errorf("%d names are kept, want %d", got, size)
	}
	if got := top.List(-1); len(got) != 0 {
		t.Errorf("a negative number of names: %v", got)
	}
}

func TestTopCutsLongNames(t *testing.T) {
	t.Parallel()
	top := metrics.NewTop(2)
	top.Add(string(make([]byte, 1<<20)), 1)
	if got := len(top.List(1)[0].Name); got != 512 {
		t.Errorf("a name of 1 MiB is kept with %d bytes, want 512", got)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	var c metrics.Counter
	var h metrics.Histogram
	top := metrics.NewTop(4)
	top.Add("known", 1)
	if n := testing.AllocsPerRun(1000, func() {
		c.Add(1)
		h.Observe(time.Millisecond)
		top.Add("known", 1)
	}); n != 0 {
		t.Errorf("counting allocates %v times", n)
	}
}

func BenchmarkCounter(b *testing.B) {
	var c metrics.Counter
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Add(1)
		}
	})
}

func BenchmarkHistogram(b *testing.B) {
	var h metrics.Histogram
	b.ReportAllocs()
	for b.Loop() {
		h.Observe(time.Millisecond)
	}
}
