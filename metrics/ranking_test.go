package metrics_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic/metrics"
)

func TestRanking(t *testing.T) {
	t.Parallel()
	r := metrics.NewRanking()
	for nth := range uint64(6400) {
		key := "often"
		if nth%640 == 0 {
			key = "seldom"
		}
		r.Hit(nth, key)
	}
	r.Took("slow", time.Second)
	r.Took("fast", time.Millisecond)
	r.Took("back in time", -time.Second)
	got := r.List(2)
	if len(got.Hits) != 2 || got.Hits[0].Name != "often" || got.Hits[0].Weight != 90*64 || got.Hits[1].Name != "seldom" {
		t.Errorf("hits: %v", got.Hits)
	}
	if len(got.Cost) != 2 || got.Cost[0].Name != "slow" || got.Cost[0].Weight != 1_000_000 || got.Cost[1].Name != "fast" {
		t.Errorf("cost: %v", got.Cost)
	}
}
