package failover_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/failover"
)

// site is two servers, each with its own way to the primary, one fallback and one
// journal.
type site struct {
	shared   powers
	fallback *scripted
	journal  *notebook
	way      [2]*scripted // to shared
	server   [2]*failover.Store
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{shared: newScripted(t).powers, fallback: newScripted(t), journal: &notebook{}}
	for i := range s.server {
		s.way[i] = &scripted{powers: s.shared}
		applied := 0
		s.server[i] = open(t, failover.Config{
			Primary: s.way[i], Fallback: s.fallback, Journal: s.journal, Prefix: "app", Server: fmt.Sprint("server", i),
			Recover: func(ctx context.Context) error { // as the replayer would
				s.journal.mu.Lock()
				rows := s.journal.rows[applied:]
				applied = len(s.journal.rows)
				s.journal.mu.Unlock()
				return cache.Apply(ctx, s.way[i], cache.ApplyConfig{Prefix: "app"}, rows)
			},
		})
		s.journal.hears = append(s.journal.hears, s.server[i].Observe)
	}
	must(t, set(t.Context(), s.shared, "app:t:vgen", "G"))
	return s
}

// lose takes the way to the primary from a server, and lets all know.
func (s *site) lose(t *testing.T, i int) {
	t.Helper()
	s.way[i].mode.Store(refuses)
	get(t, s.server[i], "app:1:v:any@G")
	time.Sleep(time.Second)
}

func (s *site) back(t *testing.T, i int) {
	t.Helper()
	s.way[i].mode.Store(works)
	time.Sleep(2 * time.Second)
	if s.server[i].State() != failover.Closed {
		t.Errorf("server %d is %v", i, s.server[i].State())
	}
}

const key = "app:1:v:k@G"

// What a degraded server writes is gone from the primary before that is trusted.
func TestWritesWhileOpen(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(ctx context.Context, s *failover.Store) error{
		"Set":    func(ctx context.Context, s *failover.Store) error { return set(ctx, s, key, "new") },
		"Delete": func(ctx context.Context, s *failover.Store) error { _, err := s.Delete(ctx, key); return err },
		"SetMany": func(ctx context.Context, s *failover.Store) error {
			_, err := s.SetMany(ctx, []cache.Item{{Key: key, Value: []byte("new"), TTL: time.Hour}})
			return err
		},
		"Touch": func(ctx context.Context, s *failover.Store) error { _, err := s.Touch(ctx, key, time.Hour); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				site := newSite(t)
				must(t, set(t.Context(), site.server[0], key, "old"))
				site.lose(t, 0)
				must(t, set(t.Context(), site.server[0], "app:t:vgen", "F")) // a generation of its own
				must(t, write(t.Context(), site.server[0]))
				if site.journal.count(cache.InvalidKey, "app:1:v:k") != 1 {
					t.Error("the journal has not heard of it")
				}
				site.back(t, 0)
				if got := get(t, site.server[0], key); got != "-" {
					t.Errorf("the primary still has %q", got)
				}
			})
		})
	}
}

func TestPeersAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t)
		a, b := site.server[0], site.server[1]
		must(t, set(t.Context(), b, key, "1"))
		if site.journal.count(cache.InvalidKey, "app:1:v:k") != 0 {
			t.Error("a healthy site writes values to the journal")
		}
		site.lose(t, 0)
		if !b.Stats().PeersDegraded || a.Stats().PeersDegraded {
			t.Error("the healthy server does not know that its peer is degraded, or the degraded one takes itself for a peer")
		}
		must(t, set(t.Context(), a, "app:t:vgen", "F"))
		must(t, set(t.Context(), a, "app:1:v:k@F", "2"))
		if got := get(t, a, "app:1:v:k@F"); got != "2" {
			t.Errorf("a server forgets its own write: %q", got)
		}
		must(t, set(t.Context(), b, key, "3"))
		time.Sleep(time.Millisecond)
		if site.journal.applied.Load() != 1 {
			t.Error("the replayer would drop from the primary what it has")
		}
		if got := get(t, a, "app:1:v:k@F"); got != "-" {
			t.Errorf("the degraded server still has %q", got)
		}
		time.Sleep(time.Minute) // it says so again and again
		if !b.Stats().PeersDegraded {
			t.Error("forgotten after a minute")
		}
		site.back(t, 0)
		if b.Stats().PeersDegraded || site.journal.count(cache.PeerBack, "server0") != 1 {
			t.Error("still held for degraded")
		}
	})
}

// A peer that has died is not told for ever.
func TestPeersExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, failover.Config{Primary: newScripted(t)})
		s.Observe([]cache.Invalidation{{Kind: cache.PeerDegraded, Name: "other"}})
		time.Sleep(9 * time.Second)
		if !s.Stats().PeersDegraded {
			t.Error("forgotten after 9s")
		}
		time.Sleep(2 * time.Second)
		if s.Stats().PeersDegraded {
			t.Error("remembered after 11s")
		}
	})
}

// Servers in one outage share it, and nothing of an earlier one is read.
func TestOutages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t)
		a, b := site.server[0], site.server[1]
		site.lose(t, 0)
		site.lose(t, 1)
		must(t, set(t.Context(), a, "app:p:x@G", "1"))
		if got := get(t, b, "app:p:x@G"); got != "1" {
			t.Errorf("the other server in the outage reads %q", got)
		}
		site.back(t, 0)
		if got := get(t, b, "app:p:x@G"); got != "1" {
			t.Errorf("the one that stays reads %q", got)
		}
		site.lose(t, 0)
		if got := get(t, a, "app:p:x@G"); got != "1" {
			t.Errorf("the one that comes back to it reads %q", got)
		}
		site.back(t, 1)
		site.back(t, 0)
		site.lose(t, 0)
		if got := get(t, a, "app:p:x@G"); got != "-" {
			t.Errorf("in a new outage: %q", got)
		}
		rows := 0
		for key, err := range site.fallback.powers.Keys(t.Context(), "app:o:") {
			must(t, err)
			rows++
			t.Log(key)
		}
		if rows > 0 {
			t.Errorf("%d rows of old outages", rows)
		}
	})
}

// At once after it closed, the breaker opens again: even then nothing of before.
func TestOutageAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primary, fallback := newScripted(t), newScripted(t)
		s := open(t, failover.Config{Primary: primary, Fallback: fallback})
		primary.mode.Store(refuses)
		must(t, set(t.Context(), s, "k", "1"))
		fallback.mode.Store(hangs) // so that the end cannot be said
		primary.mode.Store(works)
		time.Sleep(time.Second)
		must(t, set(t.Context(), s, "k", "2"))
		fallback.mode.Store(works)
		primary.mode.Store(refuses)
		if got := get(t, s, "k"); got != "-" {
			t.Errorf("got %q", got)
		}
	})
}

// Without a journal the keys are remembered, and if there are too many of them
// everything is dropped.
func TestWithoutJournal(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2000, 10_001} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				primary := newScripted(t)
				s := open(t, failover.Config{Primary: primary, Fallback: newScripted(t), Prefix: "app"})
				for _, k := range []string{"app:t:gen", "app:t:vgen"} {
					must(t, set(t.Context(), s, k, "G"))
				}
				for i := range n {
					must(t, set(t.Context(), s, fmt.Sprintf("app:1:v:%d@G", i), "old"))
				}
				primary.mode.Store(refuses)
				get(t, s, "k")
				for i := range n {
					_, err := s.Delete(t.Context(), fmt.Sprintf("app:1:v:%d@F", i))
					must(t, err)
				}
				primary.mode.Store(works)
				time.Sleep(2 * time.Second)
				if s.State() != failover.Closed || s.Stats().Dirty != 0 {
					t.Fatalf("%+v", s.Stats())
				}
				generation := get(t, s, "app:t:vgen")
				for i := range n {
					if got := get(t, s, fmt.Sprintf("app:1:v:%d@%s", i, generation)); got != "-" {
						t.Fatalf("value %d is still %q", i, got)
					}
				}
				if n < 10_000 && generation != "G" {
					t.Error("everything was dropped for few keys")
				}
			})
		})
	}
}

// While the journal is away nothing is acknowledged that others have to hear, and
// the primary forgets it all the same.
func TestJournalAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t)
		must(t, set(t.Context(), site.server[0], key, "old"))
		site.lose(t, 0)
		site.journal.setAway(true)
		if err := set(t.Context(), site.server[0], key, "new"); !isDegraded(err) {
			t.Errorf("Set: %v", err)
		}
		site.journal.setAway(false)
		site.back(t, 0)
		if got := get(t, site.server[0], key); got != "-" {
			t.Errorf("got %q", got)
		}
	})
}

// What a server has to say of itself while the journal is away is its last word,
// not one for each time that it tried.
func TestLastWord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t)
		site.journal.setAway(true)
		site.lose(t, 0)
		time.Sleep(time.Hour)
		site.journal.setAway(false)
		time.Sleep(time.Second)
		if n := site.journal.count(cache.PeerDegraded, "server0"); n != 1 && n != 2 { // one is due every 3s
			t.Errorf("it says %d times that it is degraded", n)
		}
		if !site.server[1].Stats().PeersDegraded {
			t.Error("its peer does not know")
		}
		site.journal.setAway(true)
		time.Sleep(10 * time.Second)
		before := site.journal.count(cache.PeerDegraded, "server0")
		site.back(t, 0)
		site.journal.setAway(false)
		time.Sleep(time.Second)
		if site.journal.count(cache.PeerDegraded, "server0") != before || site.journal.count(cache.PeerBack, "server0") != 1 {
			t.Error("it is back, and says something else first")
		}
	})
}

// Writes that come together go to the journal together, and wait no longer than
// they may.
func TestJournalInBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primary := newScripted(t)
		journal := &notebook{}
		journal.slow.Store(10e6)
		s := open(t, failover.Config{Primary: primary, Fallback: newScripted(t), Journal: journal, FallbackCalls: 100})
		primary.mode.Store(refuses)
		get(t, s, "k")
		time.Sleep(time.Second)
		journal.calls.Store(0)
		for i := range 100 {
			go func() { _ = set(t.Context(), s, fmt.Sprintf("echoic:1:v:%d@G", i), "x") }()
		}
		time.Sleep(time.Second)
		if calls, rows := journal.calls.Load(), journal.size(); calls > 3 || rows < 100 {
			t.Errorf("%d calls for %d rows", calls, rows)
		}
		journal.slow.Store(int64(time.Hour))
		began := time.Now()
		if err := set(t.Context(), s, "echoic:1:v:k@G", "x"); !isDegraded(err) || time.Since(began) > 50*time.Millisecond {
			t.Errorf("with a journal that hangs: %v after %v", err, time.Since(began))
		}
	})
}

// Fills live briefly in a young outage: peers may not have heard of it.
func TestYoungFills(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primary := newScripted(t)
		s := open(t, failover.Config{Primary: primary, Fallback: newScripted(t), Prefix: "app"})
		c, err := cache.New(cache.Config{Store: s, Prefix: "app", TTL: time.Hour})
		must(t, err)
		defer c.Close()
		primary.mode.Store(refuses)
		loads := 0
		load := func() {
			_, err := cache.Of[string](c).GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
				loads++
				return strings.Repeat("x", loads), nil
			})
			must(t, err)
		}
		load()
		load()
		if loads != 1 {
			t.Fatalf("loaded %d times at once", loads)
		}
		time.Sleep(2100 * time.Millisecond)
		load()
		time.Sleep(10 * time.Minute)
		load()
		if loads != 2 {
			t.Errorf("loaded %d times, want 2: a fill of a young outage lives for 2s, a later one for its time", loads)
		}
	})
}

// A primary that cannot be told what it missed is not trusted.
func TestRecoverFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primary := newScripted(t)
		var fixed atomic.Bool
		s := open(t, failover.Config{Primary: primary, Fallback: newScripted(t), Recover: func(context.Context) error {
			if !fixed.Load() {
				return errOwn
			}
			return nil
		}})
		primary.mode.Store(refuses)
		must(t, set(t.Context(), s, "k", "x"))
		primary.mode.Store(works)
		time.Sleep(10 * time.Second)
		if s.State() != failover.Open || get(t, s, "k") != "x" {
			t.Errorf("state %v", s.State())
		}
		fixed.Store(true)
		time.Sleep(2 * time.Second)
		if s.State() != failover.Closed {
			t.Errorf("state %v", s.State())
		}
	})
}
