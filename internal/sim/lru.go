package sim

// lru holds the pages that were used last. The near tier's policy, W-TinyLFU,
// keeps more of what is asked for often: this one is the worse case.
type lru struct {
	index map[uint32]int32
	slots []slot
	first int32 // used last
	last  int32 // used longest ago
}

type slot struct {
	page, version uint32
	until         float32
	newer, older  int32
}

const none int32 = -1

func newLRU(capacity int) *lru {
	return &lru{index: make(map[uint32]int32), slots: make([]slot, 0, capacity), first: none, last: none}
}

func (l *lru) len() int { return len(l.slots) }

// get returns what is held of a page, and makes it the one used last.
func (l *lru) get(page uint32) (version uint32, until float32, ok bool) {
	at, ok := l.index[page]
	if !ok {
		return 0, 0, false
	}
	l.unlink(at)
	l.push(at)
	return l.slots[at].version, l.slots[at].until, true
}

// put holds a page, in place of the one used longest ago if there is no room.
func (l *lru) put(page, version uint32, until float32) {
	at, ok := l.index[page]
	switch {
	case ok:
		l.unlink(at)
	case len(l.slots) < cap(l.slots):
		at = int32(len(l.slots))
		l.slots = append(l.slots, slot{})
	default:
		at = l.last
		l.unlink(at)
		delete(l.index, l.slots[at].page)
	}
	l.slots[at].page, l.slots[at].version, l.slots[at].until = page, version, until
	l.index[page] = at
	l.push(at)
}

func (l *lru) unlink(at int32) {
	s := l.slots[at]
	if s.newer != none {
		l.slots[s.newer].older = s.older
	} else {
		l.first = s.older
	}
	if s.older != none {
		l.slots[s.older].newer = s.newer
	} else {
		l.last = s.newer
	}
}

func (l *lru) push(at int32) {
	l.slots[at].newer, l.slots[at].older = none, l.first
	if l.first != none {
		l.slots[l.first].newer = at
	}
	l.first = at
	if l.last == none {
		l.last = at
	}
}
