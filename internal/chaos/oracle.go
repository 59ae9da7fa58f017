package chaos

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// shownViolations is how many violations a report spells out.
const shownViolations = 20

// Oracle knows what answers may be, and keeps what was wrong. It is safe for
// concurrent use.
type Oracle struct {
	// Rows and Values are the versions of the site's rows and of plain values.
	Rows, Values *History

	mu         sync.Mutex
	bound      time.Duration
	graves     []grave
	violations []string
	count      int
}

// grave is a session that has ended.
type grave struct {
	user, cookie string
	at           time.Time
}

// keptGraves bounds the ended sessions that are remembered.
const keptGraves = 1000

// NewOracle returns an oracle that knows nothing yet; bound as in SetBound.
func NewOracle(bound time.Duration) *Oracle {
	return &Oracle{Rows: NewHistory(), Values: NewHistory(), bound: bound}
}

// SetBound says how long after the acknowledgements to come an app may still
// not know of them. The app that acknowledged has no such time.
func (o *Oracle) SetBound(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bound = d
}

// Bound returns what SetBound set.
func (o *Oracle) Bound() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bound
}

// Bury says that a session has ended now. Nobody may find it alive any more.
func (o *Oracle) Bury(user, cookie string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := grave{user, cookie, time.Now()}
	if len(o.graves) < keptGraves {
		o.graves = append(o.graves, g)
		return
	}
	o.graves[rand.IntN(keptGraves)] = g
}

// grave returns one of the ended sessions, chosen by n.
func (o *Oracle) grave(n uint64) (grave, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.graves) == 0 {
		return grave{}, false
	}
	return o.graves[n%uint64(len(o.graves))], true
}

// allGraves returns all that are remembered.
func (o *Oracle) allGraves() []grave {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]grave(nil), o.graves...)
}

// violate keeps what was wrong.
func (o *Oracle) violate(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count++; o.count <= shownViolations {
		o.violations = append(o.violations, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

// Violations returns how many there were, and the first of them.
func (o *Oracle) Violations() (count int, first []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count, append([]string(nil), o.violations...)
}
