package bounded

import "math"

// Limits turns the two bounds of a store into the one that otter knows, a sum of
// weights.
//
// An entry weighs its bytes, but at least its share, the MaxEntries-th part of
// MaxBytes. Then neither bound can be exceeded: as many entries as there are
// shares fill the store, and so do MaxBytes bytes. In between, a mixture of
// small and large entries is full before it reaches either bound, but never
// before it reaches half of one of them. Evicting by two separate sums was the
// alternative: it uses more of the bounds, and needs the policy's lock on every
// write.
type Limits struct {
	// Bytes and Entries are the bounds, of all entries together. Bytes is that of
	// the largest one too.
	Bytes   int64
	Entries int
	// Most is the sum of all weights.
	Most uint32

	unit  int64  // bytes per unit of weight: weights have 32 bits, bytes have not
	share uint32 // least weight of an entry
}

// NewLimits takes 0 entries for as many as there are bytes for.
func NewLimits(maxEntries int, maxBytes int64) Limits {
	if maxEntries == 0 {
		maxEntries = math.MaxInt
	}
	l := Limits{unit: 1 + maxBytes/math.MaxUint32, Bytes: maxBytes, Entries: maxEntries}
	units := maxBytes / l.unit
	share := units / int64(maxEntries)
	if share == 0 { // more entries than bytes: only the bytes count
		l.share, l.Most = 1, uint32(units)
		return l
	}
	// A whole number of shares, so that exactly maxEntries small ones fit.
	l.share, l.Most = uint32(share), uint32(share*int64(maxEntries))
	return l
}

// Weight is what an entry of size bytes counts for.
func (l Limits) Weight(size int64) uint32 {
	units := (size + l.unit - 1) / l.unit
	return uint32(min(max(units, int64(l.share)), int64(l.Most)))
}
