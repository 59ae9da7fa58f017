package memory

import "math"

// limits turns the two bounds of a Store into the one that otter knows, a sum of
// weights.
//
// An entry weighs its bytes, but at least its share, the MaxEntries-th part of
// MaxBytes. Then neither bound can be exceeded: as many entries as there are
// shares fill the store, and so do MaxBytes bytes. In between, a mixture of
// small and large entries is full before it reaches either bound, but never
// before it reaches half of one of them. Evicting by two separate sums was the
// alternative: it uses more of the bounds, and needs the policy's lock on every
// write.
type limits struct {
	unit    int64  // bytes per unit of weight: weights have 32 bits, MaxBytes has not
	share   uint32 // least weight of an entry
	most    uint32 // sum of all weights
	largest int64  // bytes of all entries, and so of the largest one
	entries int    // number of all entries
}

func newLimits(maxEntries int, maxBytes int64) limits {
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

// weight is what an entry of size bytes counts for.
func (l limits) weight(size int64) uint32 {
	units := (size + l.unit - 1) / l.unit
	return uint32(min(max(units, int64(l.share)), int64(l.most)))
}
