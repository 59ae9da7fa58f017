package chaos

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"time"
)

// Write is one change of one key, as who asked for it saw it. Its value is in no
// other write to the key.
type Write struct {
	Server     int
	Value      int64
	Start, End time.Duration // on one monotonic clock
	// Unknown is a write that was not acknowledged: it may take effect at any
	// time after its start, or never.
	Unknown bool
}

// Read is one look at one key. A key that is absent is not a Read: a cache may
// forget.
type Read struct {
	Server     int
	Value      int64
	Start, End time.Duration
}

// Bounds are how long after a change has been acknowledged a read may still miss
// it: on the server that made it, and on the others.
type Bounds struct{ Own, Others time.Duration }

// CheckIntervals returns how long the stalest read was out of date, and an error
// for every read that returned what was not current at any moment from its start,
// less the bound, to its end.
//
// A value is current, at the earliest, when its write starts; and it is not any
// more, at the latest, when a write has ended that started after its own had
// ended. Of writes at the same time each may be the last. This is how a register
// behaves that is regular (Lamport), and checks need no search.
func CheckIntervals(servers int, writes []Write, reads []Read, bounds Bounds) (stalest time.Duration, wrong []error) {
	v := newVerdict(servers, writes)
	for _, r := range reads {
		at, known := v.byValue[r.Value]
		if !known {
			wrong = append(wrong, fmt.Errorf("server %d read %d, which nobody has written", r.Server, r.Value))
			continue
		}
		w := v.writes[at]
		if w.Start > r.End {
			wrong = append(wrong, fmt.Errorf("server %d read %d %v before it was written", r.Server, r.Value, w.Start-r.End))
		}
		own, others := v.supersededAt(w, r.Server)
		if gone := min(own, others); gone < r.Start {
			stalest = max(stalest, r.Start-gone)
		}
		if own < r.Start-bounds.Own {
			wrong = append(wrong, fmt.Errorf("server %d read %d at %v, %v after it had replaced it itself", r.Server, r.Value, r.Start, r.Start-own))
		} else if others < r.Start-bounds.Others {
			wrong = append(wrong, fmt.Errorf("server %d read %d at %v, %v after another had replaced it", r.Server, r.Value, r.Start, r.Start-others))
		}
	}
	return stalest, wrong
}

// verdict is the writes of one key, in the order of their starts, and for each
// server the earliest end of its writes from a position on.
type verdict struct {
	writes   []Write
	byValue  map[int64]int
	earliest [][]time.Duration // by server and position
}

const never = time.Duration(math.MaxInt64)

func newVerdict(servers int, writes []Write) *verdict {
	v := &verdict{writes: slices.Clone(writes), byValue: make(map[int64]int, len(writes)), earliest: make([][]time.Duration, servers)}
	slices.SortFunc(v.writes, func(a, b Write) int { return int(a.Start - b.Start) })
	for s := range v.earliest {
		v.earliest[s] = make([]time.Duration, len(v.writes)+1)
		v.earliest[s][len(v.writes)] = never
	}
	for i, w := range slices.Backward(v.writes) {
		v.byValue[w.Value] = i
		for s := range v.earliest {
			v.earliest[s][i] = v.earliest[s][i+1]
		}
		if !w.Unknown {
			v.earliest[w.Server][i] = min(v.earliest[w.Server][i], w.End)
		}
	}
	return v
}

// supersededAt returns when w was certainly replaced, by a write of the server
// and by one of the others.
func (v *verdict) supersededAt(w Write, server int) (own, others time.Duration) {
	own, others = never, never
	if w.Unknown {
		return own, others
	}
	next := sort.Search(len(v.writes), func(i int) bool { return v.writes[i].Start > w.End })
	for s := range v.earliest {
		if s == server {
			own = v.earliest[s][next]
			continue
		}
		others = min(others, v.earliest[s][next])
	}
	return own, others
}
