package pagecache

import (
	"hash/maphash"
	"sync/atomic"
	"time"
)

// doorkeeper remembers which URLs with undeclared query parameters were asked
// for before. Such a page enters a store outside the process only on its second
// request within its time to live: made-up URLs never come twice, and cannot
// fill the store that all servers share.
//
// It is a table of fixed size, in sets of eight slots: a newcomer takes the
// place of the oldest in its set. A URL that was pushed out, or whose request
// raced with another one's, counts as new again, which costs one run of the
// handler. It is safe for concurrent use.
type doorkeeper struct {
	seed  maphash.Seed
	start time.Time
	slots []atomic.Uint64 // upper 40 bits of the hash, then 24 bits of seconds; 0 is free
}

const (
	doorSlots   = 1 << 17 // 1 MiB
	doorSet     = 8       // one cache line
	doorSeconds = 1 << 24 // half a year, then the numbers begin again
)

func newDoorkeeper(start time.Time) *doorkeeper {
	return &doorkeeper{seed: maphash.MakeSeed(), start: start, slots: make([]atomic.Uint64, doorSlots)}
}

// again notes that key is asked for at now and reports whether it was before, no
// longer than within ago. The seed is random, so nobody can aim at a slot.
func (d *doorkeeper) again(key string, now time.Time, within time.Duration) bool {
	h := maphash.String(d.seed, key)
	set := d.slots[(h%doorSlots)&^(doorSet-1):][:doorSet]
	mark := h &^ (doorSeconds - 1)
	second := max(uint64(now.Sub(d.start)/time.Second), 1) & (doorSeconds - 1)
	place, oldest := 0, uint64(0)
	for i := range set {
		have := set[i].Load()
		age := (second - have) & (doorSeconds - 1)
		if have == 0 {
			age = doorSeconds
		} else if have&^(doorSeconds-1) == mark {
			set[i].Store(mark | second)
			return time.Duration(age)*time.Second <= within
		}
		if age >= oldest {
			place, oldest = i, age
		}
	}
	set[place].Store(mark | second)
	return false
}
