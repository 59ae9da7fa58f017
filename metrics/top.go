package metrics

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"sync"
)

// Top keeps the names that come up most, in bounded memory however many there
// are: Space-Saving (Metwally, Agrawal, El Abbadi 2005). A name whose share is
// above 1/size is always there; its weight is at most [Heavy.Error] too high. It is
// safe for concurrent use; make one with [NewTop].
type Top struct {
	mu    sync.Mutex
	size  int
	names map[string]*heavy
	least byWeight
}

// Heavy is a name and what it weighs.
type Heavy struct {
	Name   string `json:"name"`
	Weight uint64 `json:"weight"`
	// Error is how much of the weight may be another name's.
	Error uint64 `json:"error,omitempty"`
}

type heavy struct {
	Heavy
	at int // in the heap
}

// maxName is the longest name that is kept, in bytes; a longer one is cut, so that
// what visitors choose does not fill the memory.
const maxName = 512

// NewTop makes a table of size names. Panics if size is not positive.
func NewTop(size int) *Top {
	if size <= 0 {
		panic("metrics: NewTop: the size must be positive")
	}
	return &Top{size: size, names: make(map[string]*heavy, size)}
}

// Add gives name more weight.
func (t *Top) Add(name string, weight uint64) {
	if len(name) > maxName {
		name = name[:maxName]
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if h, ok := t.names[name]; ok {
		h.Weight += weight
		heap.Fix(&t.least, h.at)
		return
	}
	if len(t.least) < t.size {
		h := &heavy{Heavy: Heavy{Name: strings.Clone(name), Weight: weight}}
		t.names[h.Name] = h
		heap.Push(&t.least, h)
		return
	}
	h := t.least[0] // the lightest gives its place and its weight to the newcomer
	delete(t.names, h.Name)
	h.Name, h.Error = strings.Clone(name), h.Weight
	h.Weight += weight
	t.names[h.Name] = h
	t.least.sink()
}

// sink is heap.Fix of the first, which is done for every new name: the calls of an
// interface take three times as long.
func (b byWeight) sink() {
	for i := 0; ; {
		child := 2*i + 1
		if right := child + 1; right < len(b) && b.Less(right, child) {
			child = right
		}
		if child >= len(b) || !b.Less(child, i) {
			return
		}
		b.Swap(i, child)
		i = child
	}
}

// List returns the n heaviest names, the heaviest first.
func (t *Top) List(n int) []Heavy {
	t.mu.Lock()
	list := make([]Heavy, len(t.least))
	for i, h := range t.least {
		list[i] = h.Heavy
	}
	t.mu.Unlock()
	slices.SortFunc(list, func(a, b Heavy) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), strings.Compare(a.Name, b.Name))
	})
	return list[:min(max(n, 0), len(list))]
}

// byWeight is a heap with the lightest name on top.
type byWeight []*heavy

func (b byWeight) Len() int           { return len(b) }
func (b byWeight) Less(i, j int) bool { return b[i].Weight < b[j].Weight }

func (b byWeight) Swap(i, j int) {
	b[i], b[j] = b[j], b[i]
	b[i].at, b[j].at = i, j
}

func (b *byWeight) Push(x any) {
	h := x.(*heavy)
	h.at = len(*b)
	*b = append(*b, h)
}

// Pop is for the interface: nothing leaves the table.
func (b *byWeight) Pop() any {
	last := (*b)[len(*b)-1]
	*b = (*b)[:len(*b)-1]
	return last
}
