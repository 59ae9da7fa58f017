package near_test

import (
	"testing"

	"github.com/echoic-go/echoic/cache/near"
)

func TestGetAllocatesNothing(t *testing.T) {
	tier, _ := verified(t, near.Config{})
	value := &struct{ n int }{1}
	hold(t, tier, "echoic:p:a", value)
	view := near.Of[*struct{ n int }](tier)
	for _, key := range []string{"echoic:p:a", "echoic:p:miss"} {
		if n := testing.AllocsPerRun(1000, func() {
			tier.Get(key)
			tier.Stamp(key)
			view.Get(key)
		}); n != 0 {
			t.Errorf("%s: %v allocations", key, n)
		}
	}
}
