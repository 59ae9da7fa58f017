package cache

import "github.com/echoic-go/echoic/metrics"

// Tops returns the n keys with most hits and the n whose loaders took longest, since
// the Cache was made.
func (c *Cache) Tops(n int) metrics.Tops { return c.ranks.List(n) }

// hitOf counts a read of a value that was found.
func (c *Cache) hitOf(key string) { c.ranks.Hit(c.count.hits.add(), key) }
