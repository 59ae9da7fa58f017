package near_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/near"
)

// fill is a fill that is under way.
type fill struct {
	key   string
	stamp cache.Stamp
	begun int // which step
}

// model is what a tier that is never full should hold.
type model struct {
	held        map[string]int
	invalidated map[string]int // in which step last
	any         int            // in which step any key last
	dropped     int            // in which step everything last
	up          bool
}

// TestModel takes random steps and compares. A fill may be refused for an
// invalidation of another key, and for nothing else.
func TestModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7))
			tier, feed := verified(t, near.Config{})
			m := model{held: make(map[string]int), invalidated: make(map[string]int), up: true}
			var fills []fill
			for step := 1; step <= 1500; step++ {
				key := fmt.Sprint("echoic:", "pt"[r.IntN(2):][:1], ":", r.IntN(12))
				switch n := r.IntN(100); {
				case n < 35:
					fills = append(fills, fill{key, tier.Stamp(key), step})
				case n < 65 && len(fills) > 0:
					i := r.IntN(len(fills))
					m.put(t, tier, fills[i], step)
					fills = append(fills[:i], fills[i+1:]...)
				case n < 80:
					tier.Invalidate(key)
					m.invalidate(key, step)
				case n < 81:
					tier.DropAll()
					m.drop(step)
				case n < 83:
					feed.Down("test")
					m.up = false
				case n < 87:
					feed.Up()
					if !m.up {
						m.drop(step)
					}
					m.up = true
				default:
					got, found := tier.Get(key)
					want, should := m.held[key]
					if found != should || (found && got != want) {
						t.Fatalf("step %d: %s is %v, %v; want %v, %v", step, key, got, found, want, should)
					}
				}
				if tier.Verified() != m.up {
					t.Fatalf("step %d: Verified = %v", step, tier.Verified())
				}
			}
		})
	}
}

func (m *model) put(t *testing.T, tier *near.Tier, f fill, step int) {
	t.Helper()
	kept := tier.Put(f.key, step, 10, time.Hour, f.stamp)
	may := m.up && m.invalidated[f.key] < f.begun && m.dropped < f.begun
	must := may && m.any < f.begun
	if kept && !may || !kept && must {
		t.Fatalf("step %d: a fill of %s since step %d is kept: %v", step, f.key, f.begun, kept)
	}
	if kept {
		m.held[f.key] = step
	}
}

func (m *model) invalidate(key string, step int) {
	delete(m.held, key)
	m.invalidated[key], m.any = step, step
}

func (m *model) drop(step int) {
	clear(m.held)
	m.dropped = step
}
