package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/cache"
	redisstore "github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/journal"
)

// A Redis that returns with an old dump has forgotten a purge and a logout that
// were acknowledged while it was healthy.
func TestRestoredFromAnOldDump(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fresh bool // another process verifies
		trust bool
	}{
		{"same process", false, true},
		{"application killed in between", true, true},
		{"values are dropped unless a restart is trusted", true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := restoring(t)
			cfg := journal.Config{URL: testenv.Postgres(t).Database(t)}
			s := newSite(t, server, cfg, journal.ReplayerConfig{TrustRestart: test.trust})
			s.verify(t)
			s.set(t, "purged", "quotes")
			s.set(t, "kept", "authors")
			if _, err := s.store.Set(t.Context(), sessions+"anna", []byte("x"), cache.Forever, cache.Always); err != nil {
				t.Fatal(err)
			}
			command(t, server, "SAVE")
			s.purge(t, "quotes")
			if _, err := s.journal.Append(t.Context(), cache.Invalidation{Kind: cache.InvalidSession, Name: "anna"}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.store.Delete(t.Context(), sessions+"anna"); err != nil {
				t.Fatal(err)
			}
			server.Kill()
			server.Restart()
			if test.fresh {
				s = newSite(t, server, cfg, journal.ReplayerConfig{TrustRestart: test.trust})
			}
			s.answers(t)
			if !s.has(t, "purged") {
				t.Fatal("the dump has no old data: this test shows nothing")
			}
			s.verify(t)
			if s.has(t, "purged") {
				t.Error("a purge was undone")
			}
			if s.has(t, "kept") != test.trust {
				t.Errorf("a plain value is there: %v, want %v", !test.trust, test.trust)
			}
			if _, found, _ := s.store.Get(t.Context(), sessions+"anna"); found {
				t.Error("a logout was undone")
			}
			end, _ := s.journal.End(t.Context())
			if p, run := s.mark(t); p != end || run != incarnations(t, server)[0].RunID {
				t.Errorf("the mark is at %v of run %q, the journal at %v", p, run, end)
			}
			before := s.Replays()
			if s.verify(t); s.Replays() != before {
				t.Error("the second Verify replayed again")
			}
		})
	}
}

func TestNoUsableMark(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		mark func(t *testing.T, s *site) []byte // nil: none
	}{
		{"lost", func(*testing.T, *site) []byte { return nil }},
		{"garbage", func(*testing.T, *site) []byte { return []byte("garbage") }},
		{"of another journal", func(t *testing.T, s *site) []byte {
			p, run := s.mark(t)
			p.Journal[3]++
			return journal.ForeignMark(p, run)
		}},
		{"beyond the end of the journal", func(t *testing.T, s *site) []byte {
			p, run := s.mark(t)
			p.ID += 1000
			return journal.ForeignMark(p, run)
		}},
		{"before what the journal keeps", func(t *testing.T, s *site) []byte {
			p, run := s.mark(t)
			appendTags(t, s.journal, "other")
			testenv.Eventually(t, testPatience, func() bool {
				n, err := s.journal.Prune(t.Context())
				if err != nil {
					t.Error(err)
				}
				return n > 0
			}, "the row is removed")
			return journal.ForeignMark(p, run)
		}},
		{"of somebody who died replaying with nothing to go on from", func(*testing.T, *site) []byte {
			return journal.ClaimedMark(journal.Position{})
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, testenv.NewRedis(t, testenv.RedisConfig{}), journal.Config{
				URL: testenv.Postgres(t).Database(t), Retention: time.Second, PruneInterval: -1,
			}, journal.ReplayerConfig{TrustRestart: true})
			s.verify(t)
			s.set(t, "k", "quotes")
			if _, err := s.store.Set(t.Context(), sessions+"anna", []byte("x"), cache.Forever, cache.Always); err != nil {
				t.Fatal(err)
			}
			mark := test.mark(t, s)
			if _, err := s.journal.Append(t.Context(), cache.Invalidation{Kind: cache.InvalidSession, Name: "anna"}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.store.Delete(t.Context(), markKey); err != nil {
				t.Fatal(err)
			}
			if mark != nil {
				if _, err := s.store.Set(t.Context(), markKey, mark, cache.Forever, cache.Always); err != nil {
					t.Fatal(err)
				}
			}
			s.verify(t)
			if s.has(t, "k") {
				t.Error("something of an unknown past is still there")
			}
			if _, found, _ := s.store.Get(t.Context(), sessions+"anna"); found {
				t.Error("a session that has ended is still there")
			}
			if p, run := s.mark(t); run != incarnations(t, s.redis)[0].RunID || p.IsZero() {
				t.Errorf("the mark is at %v of %q", p, run)
			}
		})
	}
}

// What nobody told the store arrives there, once, and what somebody did is not
// told again.
func TestSteadyWork(t *testing.T) {
	t.Parallel()
	onDatabases(t, func(t *testing.T, url string) {
		server := testenv.NewRedis(t, testenv.RedisConfig{})
		cfg := journal.Config{URL: url}
		grace := journal.ReplayerConfig{Grace: 4 * time.Second} // for a machine that is busy
		a, b, c := newSite(t, server, cfg, grace), newSite(t, server, cfg, grace), newSite(t, server, cfg, grace)
		for _, s := range []*site{a, b, c} {
			s.verify(t)
			s.Attach(s.store)
		}
		marked := func() bool {
			end, err := a.journal.End(t.Context())
			p, _ := a.mark(t)
			return err == nil && p == end && a.Position() == end && b.Position() == end && c.Position() == end
		}
		appendTags(t, a.journal, "first")
		testenv.Eventually(t, testPatience, marked, "all have caught up")
		var before uint64
		replays := func() uint64 { return a.Replays() + b.Replays() + c.Replays() - before }
		for try := 1; ; try++ {
			before += replays()
			begin := time.Now()
			a.set(t, "told", "told")
			a.purge(t, "told")
			testenv.Eventually(t, testPatience, marked, "the mark moves on")
			n := replays()
			if n == 0 {
				break
			}
			// A server that hears of it when the grace is over applies it, rightly.
			if took := time.Since(begin); took < grace.Grace || try == 5 {
				t.Errorf("%d rows were applied that the store had been told of, within %v", n, took)
				break
			}
		}
		before += replays()
		a.set(t, "untold", "untold")
		appendTags(t, a.journal, "untold") // and then the process dies
		testenv.Eventually(t, testPatience, func() bool { return !a.has(t, "untold") }, "somebody applies the row")
		testenv.Eventually(t, testPatience, marked, "the mark moves on")
		if n := replays(); n < 1 || n > 3 {
			t.Errorf("%d rows were applied, want one, by hardly more than one server", n)
		}
		purgeInTransaction(t, a, url, "outbox", marked)
	})
}

// purgeInTransaction: rows of the application's transactions are applied at once.
func purgeInTransaction(t *testing.T, s *site, url, tag string, marked func() bool) {
	t.Helper()
	s.set(t, tag, tag)
	tx, err := database(t, url).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.journal.PurgeSQLTx(t.Context(), tx, tag); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	testenv.Eventually(t, testPatience, func() bool { return !s.has(t, tag) }, "the purge is applied")
	if took := time.Since(begin); took > 200*time.Millisecond {
		t.Logf("applied after %v", took)
	}
	testenv.Eventually(t, testPatience, marked, "the mark moves on")
}

// Rows that come while Redis does not answer wait for it.
func TestRedisAwayForAWhile(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{})
	s := newSite(t, server, journal.Config{URL: testenv.Postgres(t).Database(t)}, journal.ReplayerConfig{Grace: 20 * time.Millisecond})
	s.verify(t)
	s.Attach(s.store)
	s.set(t, "k", "quotes")
	s.set(t, "late", "late")
	server.Stop()
	appendTags(t, s.journal, "quotes")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := s.CatchUp(ctx); err == nil {
		t.Error("CatchUp with a store that does not answer returned nil")
	}
	server.Cont()
	s.answers(t)
	testenv.Eventually(t, testPatience, func() bool { return s.CatchUp(t.Context()) == nil }, "the store has caught up")
	if s.has(t, "k") {
		t.Error("CatchUp returned and a purge is missing")
	}
	appendTags(t, s.journal, "late")
	testenv.Eventually(t, testPatience, func() bool { return !s.has(t, "late") }, "the steady work goes on")
}

// A transaction that is open for long holds the mark back, and nothing else.
func TestReplayAboveTheHorizon(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	server := restoring(t)
	s := newSite(t, server, journal.Config{URL: url}, journal.ReplayerConfig{TrustRestart: true, Grace: 20 * time.Millisecond})
	s.verify(t)
	s.Attach(s.store)
	for _, key := range []string{"early", "late"} {
		s.set(t, key, key)
	}
	command(t, server, "SAVE")
	long, err := newPool(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.journal.PurgeTx(t.Context(), long, "late"); err != nil {
		t.Fatal(err)
	}
	s.purge(t, "early")
	server.Kill()
	server.Restart()
	s.answers(t)
	s.verify(t)
	if s.has(t, "early") || !s.has(t, "late") {
		t.Errorf("early is there: %v, want not; late: %v, want so", s.has(t, "early"), s.has(t, "late"))
	}
	at, _ := s.mark(t)
	if err := long.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, testPatience, func() bool { return !s.has(t, "late") }, "the late purge is applied")
	testenv.Eventually(t, testPatience, func() bool {
		p, _ := s.mark(t)
		end, err := s.journal.End(t.Context())
		return err == nil && p == end && p.Compare(at) > 0
	}, "the mark moves on")
}

func TestManyServersVerifyAtOnce(t *testing.T) {
	t.Parallel()
	server := restoring(t)
	cfg := journal.Config{URL: testenv.Postgres(t).Database(t), MaxConns: 1}
	var servers []*site
	for range 6 {
		servers = append(servers, newSite(t, server, cfg, journal.ReplayerConfig{TrustRestart: true}))
	}
	first := servers[0]
	first.verify(t)
	first.set(t, "k", "tag7")
	command(t, server, "SAVE")
	for n := range 3 {
		first.purge(t, numbered(fmt.Sprintf("%d-", n), 500)...)
	}
	first.purge(t, "tag7")
	server.Kill()
	server.Restart()
	var group sync.WaitGroup
	for _, s := range servers {
		s.answers(t)
	}
	for _, s := range servers {
		group.Go(func() {
			// One that is overtaken is asked again, by the store.
			testenv.Eventually(t, testPatience, func() bool {
				return s.Verify(t.Context(), s.store, incarnations(t, server)) == nil
			}, "the store is verified")
			if s.has(t, "k") {
				t.Error("a purge was undone")
			}
		})
	}
	group.Wait()
	total := uint64(0)
	for _, s := range servers {
		total += s.Replays()
	}
	if total < 1501 || total > 2*1501+10 {
		t.Errorf("%d rows were applied in all, want little more than 1501", total)
	}
}

// The whole way: the store asks before it trusts, and answers nothing before.
func TestThroughTheStore(t *testing.T) {
	t.Parallel()
	server := restoring(t)
	cfg := journal.Config{URL: testenv.Postgres(t).Database(t)}
	s := newSite(t, server, cfg, journal.ReplayerConfig{TrustRestart: true})
	gated, err := redisstore.New(t.Context(), redisstore.Config{URL: server.URL, Verify: s.Verify})
	if err != nil {
		t.Fatal(err)
	}
	defer gated.Close()
	s.Attach(gated)
	testenv.Eventually(t, testPatience, func() bool {
		_, found, err := gated.Get(t.Context(), markKey)
		return found && err == nil
	}, "the store is verified")
	s.set(t, "k", "quotes")
	command(t, server, "SAVE")
	s.purge(t, "quotes")
	quotes, err := cache.New(cache.Config{Store: gated, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	defer quotes.Close()
	server.Kill()
	server.Restart()
	testenv.Eventually(t, testPatience, func() bool {
		found, err := quotes.Has(t.Context(), "k")
		if found {
			t.Fatal("a purge was undone")
		}
		return err == nil
	}, "the store answers")
	// Until the journal is gone: then nothing can be verified.
	if err := s.journal.Close(); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, testPatience, func() bool { // s.store may not have connected again yet
		err := s.Verify(t.Context(), s.store, incarnations(t, server))
		if err == nil {
			t.Fatal("verified without a journal")
		}
		return errors.Is(err, cache.ErrClosed)
	}, "Verify says that the journal is closed")
}

func TestNewReplayerRefuses(t *testing.T) {
	t.Parallel()
	if _, err := journal.NewReplayer(journal.ReplayerConfig{}); err == nil {
		t.Error("a Replayer without a journal")
	}
	j := open(t, journal.Config{})
	if _, err := journal.NewReplayer(journal.ReplayerConfig{Journal: j, Grace: time.Hour}); err == nil {
		t.Error("a Replayer with a grace of an hour")
	}
	r, err := journal.NewReplayer(journal.ReplayerConfig{Journal: j})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.CatchUp(t.Context()); err == nil {
		t.Error("CatchUp without a store")
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := r.Verify(t.Context(), nil, make([]cache.Incarnation, 1)); !errors.Is(err, cache.ErrClosed) {
		t.Errorf("Verify after Close: %v", err)
	}
}
