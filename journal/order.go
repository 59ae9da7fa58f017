package journal

import "slices"

// mostPending bounds the delivered rows that are remembered one by one.
const mostPending = 65_536

// order knows what has been delivered: everything up to settled, and pending.
type order struct {
	settled Position
	// pending are the delivered rows after settled, in order. Rows may still
	// appear between them.
	pending []Position
}

func comparePositions(a, b Position) int { return a.Compare(b) }

// add returns the rows that were not delivered yet, and counts them as such.
func (o *order) add(rows []Row) (fresh []Row) {
	fresh = rows[:0:0]
	for _, row := range rows {
		p := o.settled.Journal.at(row)
		if p.Compare(o.settled) <= 0 {
			continue
		}
		at, found := slices.BinarySearchFunc(o.pending, p, comparePositions)
		if found {
			continue
		}
		o.pending = slices.Insert(o.pending, at, p)
		fresh = append(fresh, row)
	}
	if excess := len(o.pending) - mostPending; excess > 0 {
		o.pending = slices.Delete(o.pending, 0, excess)
	}
	return fresh
}

// advance settles the rows of transactions before the horizon.
func (o *order) advance(horizon uint64) {
	n, _ := slices.BinarySearchFunc(o.pending, Position{Transaction: horizon}, comparePositions)
	if n > 0 {
		o.settled = o.pending[n-1]
		o.pending = slices.Delete(o.pending, 0, n)
	}
}

// restart forgets what was delivered: settled is where to go on.
func (o *order) restart(settled Position) { o.settled, o.pending = settled, nil }
