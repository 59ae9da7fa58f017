package cache

import (
	"time"

	"github.com/echoic-go/echoic/metrics"
)

const (
	topSize = 256
	sampled = 64 // one in so many hits is named in Tops
)

// Tops are the values that came up most since the Cache was made: estimates in bounded
// memory, see [metrics.Top]. They name callers' keys: for operators only.
type Tops struct {
	// Hits are keys by reads that found a value, estimated from one in 64 of them.
	Hits []metrics.Heavy
	// Cost are keys by the microseconds that their loaders took.
	Cost []metrics.Heavy
}

// Tops returns the n heaviest of each.
func (c *Cache) Tops(n int) Tops { return Tops{Hits: c.tops.hits.List(n), Cost: c.tops.cost.List(n)} }

// tops count what Tops tells.
type tops struct{ hits, cost *metrics.Top }

func newTops() tops { return tops{metrics.NewTop(topSize), metrics.NewTop(topSize)} }

// hitOf counts a read of a value that was found.
func (c *Cache) hitOf(key string) {
	if c.count.hits.add()%sampled == 0 {
		c.tops.hits.Add(key, sampled)
	}
}

// loaded counts what a loader took.
func (c *Cache) loaded(key string, took time.Duration) {
	c.tops.cost.Add(key, uint64(max(took, 0)/time.Microsecond))
}
