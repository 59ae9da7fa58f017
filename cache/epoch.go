package cache

import "sync/atomic"

// Epoch counts the purges of one store inside this process. The zero value is
// ready to use.
type Epoch struct{ n atomic.Uint64 }

// Now returns the number of purges so far.
func (e *Epoch) Now() uint64 { return e.n.Load() }

// Advance counts one more. Whatever was checked before must be checked again.
func (e *Epoch) Advance() { e.n.Add(1) }
