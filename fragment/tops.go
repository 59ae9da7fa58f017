package fragment

import (
	"time"

	"github.com/echoic-go/echoic/metrics"
)

const (
	topSize = 256
	sampled = 64 // one in so many hits is named in Tops
)

// Tops are the fragments that came up most since Fragments were made, by name: see
// [metrics.Top].
type Tops struct {
	// Hits are names by fragments that were shown from the store, estimated from
	// one in 64 of them.
	Hits []metrics.Heavy
	// Cost are names by the microseconds that rendering them took, with what is
	// inside of them.
	Cost []metrics.Heavy
}

// Tops returns the n heaviest of each.
func (f *Fragments) Tops(n int) Tops {
	if f == nil {
		return Tops{}
	}
	return Tops{Hits: f.tops.hits.List(n), Cost: f.tops.cost.List(n)}
}

// tops count what Tops tells.
type tops struct{ hits, cost *metrics.Top }

func newTops() tops { return tops{metrics.NewTop(topSize), metrics.NewTop(topSize)} }

// hitOf counts a fragment that was found.
func (f *Fragments) hitOf(name string) {
	if f.count.hits.Add(1)%sampled == 0 {
		f.tops.hits.Add(name, sampled)
	}
}

// rendered counts what a render took.
func (f *Fragments) rendered(name string, took time.Duration) {
	f.tops.cost.Add(name, uint64(max(took, 0)/time.Microsecond))
}
