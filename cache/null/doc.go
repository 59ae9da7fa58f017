// Package null is a cache that keeps nothing, for switching caching off without
// touching the code that uses it.
//
// A [Store] behaves as one that evicts every value the moment it has been
// stored: writes succeed, reads miss, counters start again with every call. But
// it checks what it is given more strictly than any other store, so that a
// mistake shows in a test that runs without a cache too.
//
//	c, err := cache.New(cache.Config{Store: null.New()})
package null
