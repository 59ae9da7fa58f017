package ratelimit_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/ratelimit"
	"github.com/echoic-go/echoic/ratelimit/memory"
)

// FuzzLimiter asks at any times: in no window are more than Requests + Burst
// allowed, what is refused is allowed when RetryAfter has passed, and after a
// rest so are Burst at once.
func FuzzLimiter(f *testing.F) {
	f.Add(uint16(5), uint16(1000), uint8(2), []byte{0, 0, 0, 10, 200, 0, 0, 0})
	f.Add(uint16(1), uint16(1), uint8(1), []byte{0, 1, 2, 3, 255})
	f.Add(uint16(100), uint16(60_000), uint8(50), []byte{0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, requests, period uint16, burst uint8, pauses []byte) {
		limit := ratelimit.Limit{Name: "fuzz", Requests: int(requests), Period: time.Duration(period) * time.Millisecond, Burst: int(burst)}
		if limit.Check() != nil || len(pauses) > 500 {
			return
		}
		synctest.Test(t, func(t *testing.T) { askAt(t, limit, pauses) })
	})
}

func askAt(t *testing.T, limit ratelimit.Limit, pauses []byte) {
	store, err := memory.New(memory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	limiter, err := ratelimit.New(ratelimit.Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := limiter.Close(); err != nil {
			t.Error(err)
		}
	}()
	take := func() ratelimit.Decision {
		d, err := limiter.Take(t.Context(), ratelimit.Ask{Limit: limit, Key: "k"})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	burst := limit.Burst
	if burst == 0 {
		burst = max(limit.Requests/2, 1)
	}
	var allowed []time.Time
	for _, pause := range pauses {
		time.Sleep(limit.Period * time.Duration(pause) / 64)
		d := take()
		if !d.Allowed {
			time.Sleep(d.RetryAfter)
			if d = take(); !d.Allowed {
				t.Fatalf("refused again after RetryAfter; now it says %v", d.RetryAfter)
			}
		}
		allowed = append(allowed, time.Now())
	}
	for i, first := range allowed {
		end, _ := slices.BinarySearchFunc(allowed, first.Add(limit.Period), time.Time.Compare)
		if n := end - i; n > limit.Requests+burst {
			t.Fatalf("%d were allowed within %v; at most %d may be", n, limit.Period, limit.Requests+burst)
		}
	}
	time.Sleep(2 * limit.Period)
	for n := range burst {
		if !take().Allowed {
			t.Fatalf("after a rest only %d of %d were allowed at once", n, burst)
		}
	}
}
