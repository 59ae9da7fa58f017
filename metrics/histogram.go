package metrics

import (
	"math"
	"sync/atomic"
	"time"
)

// bounds are the upper ends of a [Histogram]'s buckets, inclusive; one more bucket
// holds what took longer. They reach from a hit in memory to a handler that hangs.
var bounds = [...]time.Duration{
	time.Microsecond, 2500 * time.Nanosecond, 5 * time.Microsecond,
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// Buckets is how many a [Latency] has.
const Buckets = len(bounds) + 1

// Bound is the upper end of the n-th bucket, from 0; that of the last is the
// longest duration there is.
func Bound(n int) time.Duration {
	if n < len(bounds) {
		return bounds[n]
	}
	return math.MaxInt64
}

// Histogram counts durations by their length. It is safe for concurrent use, and
// the zero value is ready.
type Histogram struct {
	buckets [Buckets]atomic.Uint64
	sum     atomic.Int64 // nanoseconds
}

// Observe counts one duration. A negative one, of a clock that was set back,
// counts as none at all.
func (h *Histogram) Observe(d time.Duration) {
	d = max(d, 0)
	h.buckets[bucketOf(d)].Add(1)
	h.sum.Add(int64(d))
}

func bucketOf(d time.Duration) int {
	low, high := 0, len(bounds)
	for low < high {
		if middle := (low + high) / 2; d <= bounds[middle] {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// Snapshot returns what was counted so far. The numbers are not of one instant.
func (h *Histogram) Snapshot() Latency {
	l := Latency{Sum: time.Duration(h.sum.Load())}
	for i := range h.buckets {
		l.Counts[i] = h.buckets[i].Load()
		l.Count += l.Counts[i]
	}
	return l
}

// Latency is what a [Histogram] counted.
type Latency struct {
	Count  uint64          `json:"count"`
	Sum    time.Duration   `json:"sum_ns"`
	Counts [Buckets]uint64 `json:"-"` // by bucket, see [Bound]; not cumulative
}

// Since is what was counted after an earlier snapshot of the same histogram.
func (l Latency) Since(earlier Latency) Latency {
	l.Count -= min(earlier.Count, l.Count)
	l.Sum -= earlier.Sum
	for i := range l.Counts {
		l.Counts[i] -= min(earlier.Counts[i], l.Counts[i])
	}
	return l
}

// Plus is what both counted together.
func (l Latency) Plus(other Latency) Latency {
	l.Count += other.Count
	l.Sum += other.Sum
	for i := range l.Counts {
		l.Counts[i] += other.Counts[i]
	}
	return l
}

// Quantile is an estimate of the duration that the part q of all, 0 to 1, did not
// exceed: within the bucket that it fell into, durations are taken to be spread
// evenly. Zero if nothing was counted; the longest bound for what took longer.
func (l Latency) Quantile(q float64) time.Duration {
	var total uint64
	for _, n := range l.Counts {
		total += n
	}
	if total == 0 {
		return 0
	}
	rank := math.Min(math.Max(q, 0), 1) * float64(total)
	var below float64
	for i, n := range l.Counts {
		if n == 0 || below+float64(n) < rank {
			below += float64(n)
			continue
		}
		if i == len(bounds) {
			break
		}
		var from time.Duration
		if i > 0 {
			from = bounds[i-1]
		}
		return from + time.Duration((rank-below)/float64(n)*float64(bounds[i]-from))
	}
	return bounds[len(bounds)-1]
}

// Mean is the average; zero if nothing was counted.
func (l Latency) Mean() time.Duration {
	if l.Count == 0 {
		return 0
	}
	return l.Sum / time.Duration(l.Count)
}
