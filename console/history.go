package console

import (
	"sync"
	"time"

	"github.com/echoic-go/echoic/metrics"
)

// sample is what one interval of time was like.
type sample struct {
	at   time.Time
	span time.Duration
	// Requests of visitors in the interval.
	hits, shared, misses, bypassed uint64
	handler, store                 metrics.Latency
}

func (s sample) looked() uint64   { return s.hits + s.shared + s.misses }
func (s sample) requests() uint64 { return s.looked() + s.bypassed }

// hitRate is NaN-free: ok says whether anything was looked up.
func (s sample) hitRate() (rate float64, ok bool) {
	if s.looked() == 0 {
		return 0, false
	}
	return float64(s.hits+s.shared) / float64(s.looked()), true
}

// history is a ring of samples. It is safe for concurrent use.
type history struct {
	mu   sync.Mutex
	ring []sample
	next int
	full bool
	last *Overview // of add
	seen *Overview // of show
}

func newHistory(size int) *history { return &history{ring: make([]sample, size)} }

// add notes counters; what happened since the one before is a sample.
func (h *history) add(o Overview) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := h.last
	h.last = &o
	if last == nil || !o.Time.After(last.Time) {
		return
	}
	grown := func(now, then uint64) uint64 { return now - min(then, now) }
	h.ring[h.next] = sample{
		at: o.Time, span: o.Time.Sub(last.Time),
		hits:     grown(o.Pages.Hits, last.Pages.Hits),
		shared:   grown(o.Pages.Stale+o.Pages.Collapsed, last.Pages.Stale+last.Pages.Collapsed),
		misses:   grown(o.Pages.Misses, last.Pages.Misses),
		bypassed: grown(o.Pages.Bypassed, last.Pages.Bypassed),
		handler:  o.Pages.Handler.Histogram.Since(last.Pages.Handler.Histogram),
		store:    storeCalls(o).Since(storeCalls(*last)),
	}
	if h.next++; h.next == len(h.ring) {
		h.next, h.full = 0, true
	}
}

// storeCalls are those of the store that is asked first.
func storeCalls(o Overview) metrics.Latency {
	if len(o.Stores) == 0 {
		return metrics.Latency{}
	}
	return o.Stores[0].Calls.Histogram
}

// show notes an overview for those who look.
func (h *history) show(o Overview) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen == nil || o.Time.After(h.seen.Time) {
		h.seen = &o
	}
}

// samples returns what is there, the oldest first, and the last overview that was
// shown.
func (h *history) samples() (list []sample, seen *Overview) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.full {
		list = append(list, h.ring[h.next:]...)
	}
	return append(list, h.ring[:h.next]...), h.seen
}
