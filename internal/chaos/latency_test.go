package chaos_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/internal/testenv"
)

const (
	// purges is how many purges TestPurgeLatency measures, unless the machine is
	// so busy that it takes longer than purgesTime.
	purges     = 1000
	purgesTime = 8 * time.Second
)

// latency is one value on two servers: b has it, a purges it.
type latency struct {
	a, b   stack
	truth  atomic.Int64
	loaded atomic.Pointer[time.Time] // when b began to make it anew
}

const latencyKey = "latency"

func (l *latency) read(t *testing.T) int64 {
	t.Helper()
	value, err := l.b.values.GetOrSet(t.Context(), latencyKey, func(context.Context) (int64, error) {
		now := time.Now()
		l.loaded.Store(&now)
		return l.truth.Load(), nil
	}, cache.WithTags(latencyKey))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// await reads until the value is n.
func (l *latency) await(t *testing.T, n int64) {
	t.Helper()
	for begun := time.Now(); l.read(t) != n; {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("purge %d is not seen", n)
		}
	}
}

// How long after a purge on one server the other one sees it. It is a
// measurement: the test fails only if the other one does not see it at all.
func TestPurgeLatency(t *testing.T) {
	servers := stacks(t, testenv.NewRedis(t, testenv.RedisConfig{}), 2, noBudget)
	l := &latency{a: servers[0], b: servers[1]}
	var calls, sinceCall, sinceAck []time.Duration
	first := time.Now()
	for n := int64(0); n < purges && time.Since(first) < purgesTime; n++ {
		l.await(t, n)
		l.await(t, n) // by now it is in b's near tier
		l.truth.Store(n + 1)
		acked := make(chan time.Time, 1)
		begun := time.Now()
		go func() {
			if err := l.a.Cache.Purge(t.Context(), latencyKey); err != nil {
				t.Error(err)
			}
			acked <- time.Now()
		}()
		l.await(t, n+1)
		seen, ack := *l.loaded.Load(), <-acked
		calls, sinceCall, sinceAck = append(calls, ack.Sub(begun)), append(sinceCall, seen.Sub(begun)), append(sinceAck, max(seen.Sub(ack), 0))
	}
	for _, list := range []struct {
		name  string
		times []time.Duration
	}{
		{"the purge itself", calls},
		{"seen by the other server, from the call", sinceCall},
		{"seen by the other server, from the acknowledgement", sinceAck},
	} {
		slices.Sort(list.times)
		n := len(list.times)
		t.Logf("%d purges, %s: p50 %v, p99 %v, max %v", n, list.name, list.times[n/2], list.times[n*99/100], list.times[n-1])
	}
}
