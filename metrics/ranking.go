package metrics

import "time"

const (
	rankingSize = 256
	sampled     = 64 // one in so many hits is named
)

// Tops are the keys that came up most since a [Ranking] was made: estimates, see
// [Top]. They name what callers store: for operators only.
type Tops struct {
	// Hits are keys by what was found under them, estimated from one in 64 hits.
	Hits []Heavy
	// Cost are keys by the microseconds that making what they stand for took.
	Cost []Heavy
}

// Ranking finds the keys with most hits and with most cost, in bounded memory. Make
// one with [NewRanking]. Safe for concurrent use.
type Ranking struct{ hits, cost *Top }

// NewRanking returns a Ranking of nothing.
func NewRanking() Ranking { return Ranking{NewTop(rankingSize), NewTop(rankingSize)} }

// Hit counts a hit. The caller, who counts hits anyway, says which one it is: one in
// 64 is looked at.
func (r Ranking) Hit(nth uint64, key string) {
	if nth%sampled == 0 {
		r.hits.Add(key, sampled)
	}
}

// Took counts what making something took.
func (r Ranking) Took(key string, took time.Duration) {
	r.cost.Add(key, uint64(max(took, 0)/time.Microsecond))
}

// List returns the n heaviest of each.
func (r Ranking) List(n int) Tops { return Tops{Hits: r.hits.List(n), Cost: r.cost.List(n)} }
