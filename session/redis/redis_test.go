package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/redisstore"
	"github.com/alexedwards/scs/v2"
	redigo "github.com/gomodule/redigo/redis"
	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/redis"
	"github.com/echoic-go/echoic/session/sessiontest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(testenv.Wrap(m),
		// rueidis looks at the topology up to a second after it was asked to,
		// whether it was closed meanwhile or not.
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"),
	)
}

func openPool(t testing.TB, url string) *redigo.Pool {
	t.Helper()
	target, err := redisconn.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := redisconn.RedigoPool(target, redisconn.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool
}

func openStore(t testing.TB, url, prefix string) *redis.Store {
	t.Helper()
	s, err := redis.New(redis.Config{Pool: openPool(t, url), Prefix: prefix, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	sessiontest.Run(t, func(t *testing.T) (a, b session.Store) {
		server := testenv.Redis(t)
		prefix := server.Prefix + "s:*[x]?\\:" // what SCAN must not take for a pattern
		return openStore(t, server.URL, prefix), openStore(t, server.URL, prefix)
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if _, err := redis.New(redis.Config{}); err == nil {
		t.Error("New without a pool succeeds")
	}
	if _, err := redis.New(redis.Config{Pool: &redigo.Pool{}, Timeout: -1}); err == nil {
		t.Error("New with a negative timeout succeeds")
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	s := openStore(t, server.URL, server.Prefix)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.Fetch(t.Context(), "k"); !errors.Is(err, session.ErrClosed) {
		t.Errorf("Fetch after Close: %v, want ErrClosed", err)
	}
}

// TestLayout: what scs's redisstore has written is found, and the other way
// round.
func TestLayout(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	s := openStore(t, server.URL, server.Prefix)
	stock := redisstore.NewWithPrefix(openPool(t, server.URL), server.Prefix)
	expiry := time.Now().Add(time.Hour)
	if err := stock.Commit("theirs", []byte("scs"), expiry); err != nil {
		t.Fatal(err)
	}
	rec, found, err := s.Fetch(t.Context(), "theirs")
	if err != nil || !found || string(rec.Data) != "scs" || rec.Expiry.Sub(expiry).Abs() > time.Second {
		t.Errorf("Fetch of what redisstore wrote: %q until %v, %v, %v", rec.Data, rec.Expiry, found, err)
	}
	if _, err := s.Insert(t.Context(), "ours", session.Record{Data: []byte("echoic"), Expiry: expiry}); err != nil {
		t.Fatal(err)
	}
	data, found, err := stock.Find("ours")
	if err != nil || !found || string(data) != "echoic" {
		t.Errorf("redisstore finds %q, %v, %v", data, found, err)
	}
}

// TestAsStoreOfSCS: the store can stand where scs wants one, but commits only
// through a session.Manager.
func TestAsStoreOfSCS(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	s := openStore(t, server.URL, server.Prefix)
	if _, err := s.Insert(t.Context(), "k", session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	var plain scs.IterableStore = s
	all, err := plain.All()
	if err != nil || string(all["k"]) != "x" {
		t.Errorf("All: %q, %v", all, err)
	}
	if err := s.Commit("t", []byte("x"), time.Now().Add(time.Hour)); !errors.Is(err, session.ErrUnmanaged) {
		t.Errorf("a blind commit: %v, want ErrUnmanaged", err)
	}
}

// TestWithoutExpiry: a foreign key without expiry is read, and the first touch
// gives it one.
func TestWithoutExpiry(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	s := openStore(t, server.URL, server.Prefix)
	conn := openPool(t, server.URL).Get()
	defer conn.Close()
	if _, err := conn.Do("SET", server.Prefix+"k", "x"); err != nil {
		t.Fatal(err)
	}
	rec, found, err := s.Fetch(t.Context(), "k")
	if err != nil || !found || !rec.Expiry.IsZero() {
		t.Fatalf("Fetch: %v until %v, %v", found, rec.Expiry, err)
	}
	if _, err := s.Update(t.Context(), "k", session.Record{Expiry: time.Now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if left, err := redigo.Int64(conn.Do("PTTL", server.Prefix+"k")); err != nil || left <= 0 {
		t.Errorf("PTTL is %d, %v", left, err)
	}
}

// TestForeignType: a key of another type is an error, not a missing session.
func TestForeignType(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	s := openStore(t, server.URL, server.Prefix)
	conn := openPool(t, server.URL).Get()
	defer conn.Close()
	if _, err := conn.Do("LPUSH", server.Prefix+"k", "x"); err != nil {
		t.Fatal(err)
	}
	if _, found, err := s.Fetch(t.Context(), "k"); err == nil || found {
		t.Errorf("Fetch of a list: %v, %v", found, err)
	}
}

// TestKilled: sessions are alive after kill -9 and a restart on the append-only
// file, and while the server is away every call fails in time.
func TestKilled(t *testing.T) {
	t.Parallel()
	// What was acknowledged is on the disk of the machine, not only of Redis.
	server := testenv.NewRedis(t, testenv.RedisConfig{Config: []string{"appendfsync always"}})
	s := openStore(t, server.URL, server.Prefix)
	sessions, err := session.New(session.Config{Store: s, HashTokens: true, StoreBudget: patient})
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for n := range 100 {
		tokens = append(tokens, login(t, sessions, fmt.Sprintf("user-%d", n)))
	}
	server.Kill()
	watch := testenv.NewStopwatch()
	ctx := sessions.Context(t.Context(), tokens[0])
	var failed *session.StoreError
	if err := sessions.Preload(ctx); !errors.As(err, &failed) || strings.Contains(err.Error(), tokens[0]) {
		t.Errorf("Preload while Redis is away: %v, want a StoreError without the token", err)
	}
	if took := watch.Took(); took > 2*time.Second {
		t.Errorf("Preload while Redis is away took %v", took)
	}
	server.Restart()
	testenv.Eventually(t, 10*time.Second, func() bool {
		_, _, err := s.Fetch(t.Context(), "k")
		return err == nil
	}, "Redis answers again")
	for n, token := range tokens {
		ctx := sessions.Context(t.Context(), token)
		if got, want := sessions.UserID(ctx), fmt.Sprintf("user-%d", n); got != want {
			t.Fatalf("after kill -9: user %q, want %q", got, want)
		}
	}
}

// TestStopped: a server that hangs is not waited for.
func TestStopped(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{})
	s := openStore(t, server.URL, server.Prefix)
	if _, _, err := s.Fetch(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	defer server.Kill() // it does not answer before the end: what still asks it is seen then
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	watch := testenv.NewStopwatch()
	_, _, err := s.Fetch(ctx, "k")
	if took := watch.Took(); err == nil || took > 3*time.Second {
		t.Errorf("Fetch from a stopped server: %v after %v, want an error after 100 ms", err, took)
	}
}

// login makes a session of the user and returns its token.
func login(t *testing.T, m *session.Manager, user string) string {
	t.Helper()
	ctx := m.Context(t.Context(), "")
	if err := m.Login(ctx, user); err != nil {
		t.Fatal(err)
	}
	token, _, err := m.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
