package journal

import (
	"context"
	"sync"
	"time"

	"github.com/echoic-go/echoic/cache"
)

const (
	// mostMarkers bounds the markers that wait to be left in the store. More are
	// not left: others apply the rows again.
	mostMarkers = 8192
	// markersPatience bounds one write of them.
	markersPatience = time.Second
)

// receipts are for what this process has told the store, and the other servers
// do not know of yet.
type receipts struct {
	wake chan struct{} // holds one if there are keys

	mu   sync.Mutex
	keys []string
}

func (q *receipts) init() { q.wake = make(chan struct{}, 1) }

func (q *receipts) add(keys []string) {
	q.mu.Lock()
	if len(q.keys) < mostMarkers {
		q.keys = append(q.keys, keys...)
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *receipts) take() (keys []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	keys, q.keys = q.keys, nil
	return keys
}

// applied is what Journal.Applied calls. It does not wait for the store.
func (r *Replayer) applied(receipt cache.Receipt) {
	n := receipt.Last - receipt.First + 1
	if n <= 0 || n > mostRecent || r.attached() == nil {
		return
	}
	r.queue.applied(receipt.Transaction, receipt.First, receipt.Last)
	keys := make([]string, 0, n)
	for id := receipt.First; id <= receipt.Last; id++ {
		keys = append(keys, r.markerKey(receipt.Transaction, id))
	}
	r.receipts.add(keys)
}

// leaveMarkers writes the markers, all that wait at once.
func (r *Replayer) leaveMarkers() {
	for {
		select {
		case <-r.life.Done():
			return
		case <-r.receipts.wake:
		}
		if keys := r.receipts.take(); len(keys) > 0 {
			ctx, cancel := context.WithTimeout(r.life, markersPatience)
			_ = setMarkers(ctx, r.attached(), keys) // others apply the rows again
			cancel()
		}
	}
}
