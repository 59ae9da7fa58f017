package chaos

import (
	"context"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/echoic-go/echoic/cache"
)

// Spent is how long the requests of one route took without the time in which
// the site waited for its own rows: what is left is ours, and the machine's.
type Spent struct {
	Count int
	// Over50, Over100, Over250, Over2000 and Over5000 took longer than so many
	// milliseconds.
	Over50, Over100, Over250, Over2000, Over5000 int
	Longest                                      time.Duration
	// Stores are the requests that waited for stores for more than twice the
	// budget, and LongestStores is the longest wait.
	Stores        int
	LongestStores time.Duration
}

// storeBudget is that of the apps.
const storeBudget = 50 * time.Millisecond

// addStores counts what a request has spent of its budget.
func (s *Spent) addStores(d time.Duration) {
	s.LongestStores = max(s.LongestStores, d)
	if d > 2*storeBudget {
		s.Stores++
	}
}

func (s *Spent) add(d time.Duration) {
	s.Count++
	s.Longest = max(s.Longest, d)
	for limit, count := range map[time.Duration]*int{50: &s.Over50, 100: &s.Over100, 250: &s.Over250, 2000: &s.Over2000, 5000: &s.Over5000} {
		if d > limit*time.Millisecond {
			*count++
		}
	}
}

// merge adds what another app has measured.
func (s *Spent) merge(other *Spent) {
	s.Count += other.Count
	s.Over50, s.Over100, s.Over250, s.Over2000 = s.Over50+other.Over50, s.Over100+other.Over100, s.Over250+other.Over250, s.Over2000+other.Over2000
	s.Over5000 += other.Over5000
	s.Longest = max(s.Longest, other.Longest)
	s.Stores += other.Stores
	s.LongestStores = max(s.LongestStores, other.LongestStores)
}

// spending measures requests.
type spending struct {
	mu     sync.Mutex
	routes map[string]*Spent
}

func newSpending() *spending { return &spending{routes: map[string]*Spent{}} }

// timer is the time in which one request waited for rows. Its lock is there
// because loaders go on when their request has ended.
type timer struct {
	mu      sync.Mutex
	waiting time.Duration
}

type timerKey struct{}

// measure is the outermost middleware.
func (s *spending) measure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		t := &timer{}
		// The budget that session and cache share; made here, it can be read
		// afterwards.
		ctx := cache.WithBudget(context.WithValue(c.Request().Context(), timerKey{}, t), storeBudget)
		c.SetRequest(c.Request().WithContext(ctx))
		begun := time.Now()
		err := next(c)
		if err != nil {
			c.Error(err)
		}
		took := time.Since(begun)
		t.mu.Lock()
		took -= t.waiting
		t.mu.Unlock()
		s.mu.Lock()
		defer s.mu.Unlock()
		route := c.Request().Method + " " + c.Path()
		if s.routes[route] == nil {
			s.routes[route] = &Spent{}
		}
		s.routes[route].add(took)
		s.routes[route].addStores(cache.BudgetOf(ctx).Spent())
		return nil
	}
}

// database begins a wait for rows, and returns what ends it.
func (s *spending) database(ctx context.Context) (done func()) {
	t, ok := ctx.Value(timerKey{}).(*timer)
	if !ok {
		return func() {}
	}
	begun := time.Now()
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.waiting += time.Since(begun)
	}
}

// take returns what was measured since the last take.
func (s *spending) take() map[string]*Spent {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.routes
	s.routes = map[string]*Spent{}
	return taken
}
