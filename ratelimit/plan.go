package ratelimit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// plan is a checked list of asks.
type plan struct {
	tag     string
	limits  []Limit
	costs   []int
	charges []Charge
}

func newPlan(group string, asks []Ask) (*plan, error) {
	if len(asks) == 0 || len(asks) > mostAsks {
		return nil, fmt.Errorf("ratelimit: %d limits at once: ask for 1 to %d", len(asks), mostAsks)
	}
	p := &plan{limits: make([]Limit, len(asks)), costs: make([]int, len(asks)), charges: make([]Charge, len(asks))}
	for i, ask := range asks {
		limit, err := ask.Limit.withDefaults()
		if err != nil {
			return nil, err
		}
		cost := max(0, ask.Cost)
		if ask.Cost == 0 {
			cost = 1
		}
		if cost > limit.Burst {
			return nil, &LimitError{limit, "Burst", fmt.Sprintf("is %d, and a request costs %d: it could never be allowed; raise the one or lower the other", limit.Burst, cost)}
		}
		p.limits[i], p.costs[i] = limit, cost
		p.charges[i].Key = digest(limit.Name, ask.Key)
	}
	switch {
	case group != "":
		p.tag = digest("group", group)
	case len(asks) == 1:
		p.tag = p.charges[0].Key
	default:
		p.tag = digest("limit", p.limits[0].Name)
	}
	return p, p.distinct()
}

// distinct refuses one bucket twice: it would be charged for one of the two.
func (p *plan) distinct() error {
	for i := range p.charges {
		for j := range i {
			if p.charges[i].Key == p.charges[j].Key {
				return &LimitError{p.limits[i], "Name", "occurs twice with one key: give limits that are asked for together names of their own"}
			}
		}
	}
	return nil
}

// free reports whether nothing is charged.
func (p *plan) free() bool {
	for _, cost := range p.costs {
		if cost > 0 {
			return false
		}
	}
	return true
}

// digestBytes of SHA-256 are enough for nobody to find two keys with the same.
const digestBytes = 18

// digest is a short name for any two texts.
func digest(kind, text string) string {
	framed := make([]byte, 0, 128)
	framed = binary.AppendUvarint(framed, uint64(len(kind)))
	framed = append(append(framed, kind...), text...)
	sum := sha256.Sum256(framed)
	return base64.RawURLEncoding.EncodeToString(sum[:digestBytes])
}
