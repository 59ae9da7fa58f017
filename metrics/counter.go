package metrics

import (
	"sync/atomic"
	"unsafe"
)

// Counter is a number that only grows. Goroutines on different processors add to
// it at the same time without waiting for each other. The zero value is ready.
type Counter struct {
	lines [counterLines]struct {
		n atomic.Uint64
		_ [cacheLine - 8]byte
	}
}

const (
	counterLines = 8
	cacheLine    = 64
)

// Add counts n more, on a cache line that the goroutine's stack chooses.
func (c *Counter) Add(n uint64) {
	var here byte
	c.lines[uintptr(unsafe.Pointer(&here))>>11%counterLines].n.Add(n)
}

// Load returns what was counted so far.
func (c *Counter) Load() (sum uint64) {
	for i := range c.lines {
		sum += c.lines[i].n.Load()
	}
	return sum
}
