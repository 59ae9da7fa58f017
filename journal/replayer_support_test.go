package journal_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/cache"
	redisstore "github.com/echoic-go/echoic/cache/redis"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/journal"
)

const (
	prefix   = "app"
	sessions = "app:sessions:"
	markKey  = "app:t:mark"

	testPatience = time.Minute     // the machine may be busy
	calm         = 5 * time.Second // and so Redis has more time than 250 ms
)

// site is one application server with Redis and a journal.
type site struct {
	*journal.Replayer
	journal *journal.Journal
	store   *redisstore.Store
	quotes  *cache.Cache
	redis   *testenv.RedisServer
}

// restoring is a Redis that writes dumps only when it is told to.
func restoring(t *testing.T) *testenv.RedisServer {
	t.Helper()
	return testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{`save ""`}})
}

func newSite(t *testing.T, server *testenv.RedisServer, cfg journal.Config, replay journal.ReplayerConfig) *site {
	t.Helper()
	store, err := redisstore.New(t.Context(), redisstore.Config{URL: server.URL, SocketTimeout: calm})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{journal: open(t, cfg), store: store, redis: server}
	replay.Journal, replay.Prefix, replay.SessionPrefix = s.journal, prefix, sessions
	if s.Replayer, err = journal.NewReplayer(replay); err != nil {
		t.Fatal(err)
	}
	if s.quotes, err = cache.New(cache.Config{Store: store, Prefix: prefix}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Replayer.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		s.quotes.Close()
		store.Close()
	})
	return s
}

// command asks Redis on a connection of its own.
func command(t testing.TB, server *testenv.RedisServer, name string, args ...any) any {
	t.Helper()
	conn, err := redis.DialURL(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reply, err := conn.Do(name, args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return reply
}

func incarnations(t testing.TB, server *testenv.RedisServer) []cache.Incarnation {
	t.Helper()
	info, _ := redis.String(command(t, server, "INFO", "server"), nil)
	_, rest, _ := strings.Cut(info, "run_id:")
	id, _, ok := strings.Cut(rest, "\r\n")
	if !ok {
		t.Fatalf("no run_id in %q", info)
	}
	return []cache.Incarnation{{RunID: id}}
}

func (s *site) verify(t testing.TB) {
	t.Helper()
	if err := s.Verify(t.Context(), s.store, incarnations(t, s.redis)); err != nil {
		t.Fatal(err)
	}
}

// answers waits until the store has noticed that Redis is there again.
func (s *site) answers(t testing.TB) {
	t.Helper()
	ready := func() bool {
		_, _, err := s.store.Get(t.Context(), "app:ping")
		return err == nil
	}
	testenv.Eventually(t, testPatience, ready, "the store answers")
}

func (s *site) set(t testing.TB, key, tag string) {
	t.Helper()
	if _, err := cache.Of[string](s.quotes).Set(t.Context(), key, "x", cache.WithTags(tag)); err != nil {
		t.Fatal(err)
	}
}

func (s *site) has(t testing.TB, key string) bool {
	t.Helper()
	found, err := s.quotes.Has(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// purge is what a server does: journal, store, receipt.
func (s *site) purge(t testing.TB, tags ...string) {
	t.Helper()
	receipt := appendTags(t, s.journal, tags...)
	if err := s.quotes.Tags().Purge(t.Context(), tags...); err != nil {
		t.Fatal(err)
	}
	s.journal.Applied(t.Context(), receipt)
}

// mark returns the mark of the only server.
func (s *site) mark(t testing.TB) (p journal.Position, run string) {
	t.Helper()
	raw, _, err := s.store.Get(context.WithoutCancel(t.Context()), markKey)
	if err != nil {
		t.Fatal(err)
	}
	p, run, ok := journal.MarkPosition(raw)
	if !ok {
		t.Fatalf("the mark is %q", raw)
	}
	return p, run
}
