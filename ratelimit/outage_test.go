package ratelimit_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/ratelimit"
)

var schedules = flag.Int("ratelimit.schedules", 40, "how many random outages TestTwiceTheLimit tries")

// shared is a store that all servers lose and find at the same time.
type shared struct {
	mu     sync.Mutex
	store  ratelimit.Store
	away   bool
	hang   bool
	losses uint64
	ids    []string
}

func (s *shared) state() (store ratelimit.Store, away, hang bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store, s.away, s.hang
}

func (s *shared) Take(ctx context.Context, tag string, charges []ratelimit.Charge) (bool, error) {
	store, away, hang := s.state()
	if away && hang {
		<-ctx.Done()
		return false, ctx.Err()
	}
	if away {
		return false, ratelimit.ErrUnavailable
	}
	return store.Take(ctx, tag, charges)
}

func (s *shared) Beat(_ context.Context, id string, _ time.Duration) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, ratelimit.ErrUnavailable
	}
	if !slices.Contains(s.ids, id) {
		s.ids = append(s.ids, id)
	}
	return slices.Clone(s.ids), nil
}

func (s *shared) Losses() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.losses
}

func (s *shared) Close() error { return nil }

// set changes what there is; fresh is what it comes back with.
func (s *shared) set(away, hang bool, fresh ratelimit.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away, s.hang = away, hang
	if fresh != nil {
		s.store = fresh
		s.losses++
	}
}

// worst returns the most instants in any window of length period, and its begin.
func worst(at []time.Time, period time.Duration, counts func(begin, end time.Time) bool) (most int, begin time.Time) {
	from := 0
	for to := range at {
		for at[to].Sub(at[from]) > period {
			from++
		}
		if n := to - from + 1; n > most && counts(at[from], at[to]) {
			most, begin = n, at[from]
		}
	}
	return most, begin
}

// Greedy clients, servers that lose Redis and find it again, empty or as it was:
// never more than twice the limit in a window, and never more than limit and burst
// in one without a change.
func TestTwiceTheLimit(t *testing.T) {
	t.Parallel()
	limits := []ratelimit.Limit{
		{Requests: 100, Period: 10 * time.Second, Burst: 20},
		{Requests: 100, Period: 10 * time.Second},
		{Requests: 100, Period: 10 * time.Second, Burst: 100},
		{Requests: 5, Period: 10 * time.Second},
		{Requests: 5, Period: 10 * time.Second, Burst: 5},
		{Requests: 1, Period: 10 * time.Second},
		{Requests: 2, Period: 10 * time.Second},
	}
	for n := range *schedules {
		limit := limits[n%len(limits)]
		t.Run(fmt.Sprintf("%d: %d burst %d", n, limit.Requests, limit.Burst), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { oneSchedule(t, limit, uint64(n)) })
		})
	}
}

func oneSchedule(t *testing.T, limit ratelimit.Limit, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	s := &shared{store: newStore(t)}
	servers := make([]*ratelimit.Limiter, 1+rnd.IntN(4))
	for i := range servers {
		servers[i] = open(t, ratelimit.Config{Store: s})
	}
	time.Sleep(3 * time.Second) // all have seen each other
	begin := time.Now()
	var changes [][2]time.Time // from when it may be noticed until it must be
	var allowed []time.Time
	next, local := begin.Add(time.Duration(rnd.IntN(15_000))*time.Millisecond), false
	for time.Since(begin) < 2*time.Minute {
		if now := time.Now(); now.After(next) {
			var fresh ratelimit.Store
			if local && rnd.IntN(2) == 0 {
				fresh = newStore(t)
			}
			local = !local
			s.set(local, rnd.IntN(2) == 0, fresh)
			changes = append(changes, [2]time.Time{now, now.Add(2 * time.Second)})
			next = now.Add(time.Duration(500+rnd.IntN(20_000)) * time.Millisecond)
		}
		switch rnd.IntN(200) { // rest, and be greedy again
		case 0:
			time.Sleep(time.Duration(rnd.IntN(8000)) * time.Millisecond)
		default:
			time.Sleep(time.Duration(rnd.IntN(40)) * time.Millisecond)
		}
		for _, server := range servers {
			if take(t, server, ratelimit.Ask{Limit: limit, Key: "greedy"}).Allowed {
				allowed = append(allowed, time.Now())
			}
		}
	}
	slices.SortFunc(allowed, time.Time.Compare)
	burst := limit.Burst
	if burst == 0 {
		burst = max(1, limit.Requests/2)
	}
	if most, at := worst(allowed, limit.Period, func(time.Time, time.Time) bool { return true }); most > 2*limit.Requests {
		t.Errorf("%d servers: %d of %d in the window from %v on; changes %v", len(servers), most, limit.Requests, at.Sub(begin), since(begin, changes))
	}
	steady := func(from, to time.Time) bool {
		return !slices.ContainsFunc(changes, func(c [2]time.Time) bool { return !from.After(c[1]) && !to.Before(c[0]) })
	}
	if most, at := worst(allowed, limit.Period, steady); most > limit.Requests+burst {
		t.Errorf("%d servers: %d of %d+%d in the steady window from %v on; changes %v", len(servers), most, limit.Requests, burst, at.Sub(begin), since(begin, changes))
	}
	if least := limit.Requests * 3; len(allowed) < least {
		t.Errorf("only %d of about %d: that is no limit but an end", len(allowed), 12*limit.Requests)
	}
}

func since(begin time.Time, changes [][2]time.Time) (list []time.Duration) {
	for _, c := range changes {
		list = append(list, c[0].Sub(begin))
	}
	return list
}

// Nobody waits for a store that is known to be away, and it is used again soon.
func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shared{store: newStore(t)}
		l := open(t, ratelimit.Config{Store: s})
		ask := ratelimit.Ask{Limit: ratelimit.Limit{Requests: 100, Period: time.Second, Burst: 20}, Key: "a"}
		synctest.Wait()
		take(t, l, ask)
		s.set(true, true, nil)
		begin := time.Now()
		if d := take(t, l, ask); !d.Allowed || !d.Local || time.Since(begin) != 25*time.Millisecond {
			t.Errorf("the first: %+v after %v", d, time.Since(begin))
		}
		begin = time.Now()
		for range 100 {
			take(t, l, ask)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("100 decisions waited for %v", took)
		}
		if got := l.Stats(); !got.Local || got.Outages != 1 || got.Failures != 1 || got.Locally != 101 || got.Denied == 0 {
			t.Errorf("%+v", got)
		}
		s.set(false, false, nil)
		time.Sleep(time.Second)
		if d := take(t, l, ask); d.Local {
			t.Error("the store was not used again")
		}
	})
}

// A limit smaller than the number of servers is not rounded up: some of them have
// none of it.
func TestMoreServersThanRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shared{store: newStore(t)}
		servers := make([]*ratelimit.Limiter, 10)
		for i := range servers {
			servers[i] = open(t, ratelimit.Config{Store: s})
		}
		time.Sleep(3 * time.Second)
		s.set(true, false, nil)
		var allowed []time.Time
		holders := make(map[*ratelimit.Limiter]bool)
		limit := ratelimit.Limit{Requests: 3, Period: 10 * time.Second, Burst: 1}
		for range 600 {
			for _, server := range servers {
				if take(t, server, ratelimit.Ask{Limit: limit, Key: "a"}).Allowed {
					allowed = append(allowed, time.Now())
					holders[server] = true
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		if most, _ := worst(allowed, limit.Period, func(time.Time, time.Time) bool { return true }); most > 4 || most < 2 || len(holders) != 1 {
			t.Errorf("%d in a window, by %d servers", most, len(holders))
		}
	})
}
