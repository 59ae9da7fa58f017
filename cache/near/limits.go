package near

import "math"

// limits turns the two bounds of a shelf into the one that otter knows, a sum of
// weights: an item weighs its bytes, but at least the part of them that each of
// so many entries may take. Then neither bound can be exceeded.
type limits struct {
	unit    int64  // bytes per unit of weight: weights have 32 bits, bytes have not
	share   uint32 // least weight of an item
	most    uint32 // sum of all weights
	largest int64  // bytes of all items, and so of the largest one
	entries int    // number of all items
}

// newLimits takes 0 entries for as many as there are bytes for.
func newLimits(maxEntries int, maxBytes int64) limits {
	if maxEntries == 0 {
		maxEntries = math.MaxInt
	}
	l := limits{unit: 1 + maxBytes/math.MaxUint32, largest: maxBytes, entries: maxEntries}
	units := maxBytes / l.unit
	share := units / int64(maxEntries)
	if share == 0 { // more entries than bytes: only the bytes count
		l.share, l.most = 1, uint32(units)
		return l
	}
	// A whole number of shares, so that exactly maxEntries small ones fit.
	l.share, l.most = uint32(share), uint32(share*int64(maxEntries))
	return l
}

// weight is what an item of size bytes counts for.
func (l limits) weight(size int64) uint32 {
	units := (size + l.unit - 1) / l.unit
	return uint32(min(max(units, int64(l.share)), int64(l.most)))
}
