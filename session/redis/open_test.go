package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/session"
	"github.com/echoic-go/echoic/session/redis"
	"github.com/echoic-go/echoic/session/sessiontest"
)

// patient are timeouts for tests that are not about time.
const patient = 10 * time.Second

func openSessions(t testing.TB, cfg redis.OpenConfig) redis.Sessions {
	t.Helper()
	s, err := redis.Open(t.Context(), cfg)
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

// urls are of one server, of Sentinel and of a Cluster.
func urls(t *testing.T) map[string]string {
	return map[string]string{
		"single":   testenv.NewRedis(t, testenv.RedisConfig{InMemory: true}).URL,
		"sentinel": testenv.NewSentinel(t, testenv.SentinelConfig{}).URL,
		"cluster":  strings.TrimSuffix(testenv.NewCluster(t, testenv.ClusterConfig{}).URL, "/0") + "/1",
	}
}

func TestOpened(t *testing.T) {
	t.Parallel()
	for name, url := range urls(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listsAll(t, url)
			saysClosed(t, url)
			if name == "single" {
				return // TestStore has it
			}
			var n atomic.Int64
			cfg := redis.OpenConfig{URL: url, Prefix: "s:*[x]?\\:", ConnectTimeout: patient, SocketTimeout: patient}
			first, second := openSessions(t, cfg), openSessions(t, cfg)
			sessiontest.Run(t, func(t *testing.T) (a, b session.Store) {
				prefix := fmt.Sprintf("%d:", n.Add(1))
				return redis.Under(first, prefix), redis.Under(second, prefix)
			})
		})
	}
}

// listsAll: every session is listed, whichever server keeps it.
func listsAll(t *testing.T, url string) {
	s := openSessions(t, redis.OpenConfig{URL: url, Prefix: "many:", ConnectTimeout: patient, SocketTimeout: patient})
	const count = 3000
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for n := w; n < count; n += 8 {
				if _, err := s.Insert(t.Context(), fmt.Sprintf("key-%d", n), session.Record{Data: []byte{byte(n)}, Expiry: time.Now().Add(time.Hour)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	seen := make(map[string]bool)
	for entry, err := range s.Each(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen[entry.Key] = true
	}
	if len(seen) != count || !seen["key-0"] {
		t.Errorf("%d sessions are listed, want %d", len(seen), count)
	}
}

func saysClosed(t *testing.T, url string) {
	s := openSessions(t, redis.OpenConfig{URL: url})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := s.Fetch(t.Context(), "k"); !errors.Is(err, session.ErrClosed) {
		t.Errorf("Fetch after Close: %v, want ErrClosed", err)
	}
	for _, err := range s.Each(t.Context()) {
		if !errors.Is(err, session.ErrClosed) {
			t.Errorf("Each after Close: %v, want ErrClosed", err)
		}
	}
}

// TestOpenedLayout: keys are those of redisstore, with the number of a Cluster's
// URL before them.
func TestOpenedLayout(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewCluster(t, testenv.ClusterConfig{})
	s := openSessions(t, redis.OpenConfig{URL: strings.TrimSuffix(cluster.URL, "/0") + "/2", ConnectTimeout: patient, SocketTimeout: patient})
	if _, err := s.Insert(t.Context(), "token", session.Record{Data: []byte("x"), Expiry: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, node := range cluster.Nodes {
		reply, err := node.Do("KEYS", "*") // a node of this test's own
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range reply.([]any) {
			if string(key.([]byte)) != "db2:"+redis.DefaultPrefix+"token" {
				t.Errorf("key %q", key)
			}
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d keys", found)
	}
}

// TestOpenedFailover: sessions are there after a failover, and logins go on.
func TestOpenedFailover(t *testing.T) {
	t.Parallel()
	fixture := testenv.NewSentinel(t, testenv.SentinelConfig{SentinelPassword: "watchers"})
	var mu sync.Mutex
	var checked []string
	var refuse error
	s := openSessions(t, redis.OpenConfig{URL: fixture.URL, SentinelPassword: "watchers", Check: func(_ context.Context, runID string) error {
		mu.Lock()
		defer mu.Unlock()
		checked = append(checked, runID)
		return refuse
	}})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	sessions, err := session.New(session.Config{Store: s, HashTokens: true, StoreBudget: patient})
	if err != nil {
		t.Fatal(err)
	}
	token := login(t, sessions, "ann")
	testenv.Eventually(t, patient, func() bool {
		size, err := fixture.Nodes[1].Do("DBSIZE")
		return err == nil && size == int64(2)
	}, "the replica has the session, and whose it is")
	mu.Lock()
	refuse = errors.New("no journal")
	mu.Unlock()
	fixture.Failover()
	testenv.Eventually(t, patient, func() bool {
		_, _, err := s.Fetch(t.Context(), "k")
		return err != nil && strings.Contains(err.Error(), "no journal")
	}, "the new primary is refused")
	mu.Lock()
	refuse = nil
	mu.Unlock()
	testenv.Eventually(t, patient, func() bool {
		_, _, err := s.Fetch(t.Context(), "k")
		return err == nil
	}, "the new primary is used")
	if got := sessions.UserID(sessions.Context(t.Context(), token)); got != "ann" {
		t.Errorf("after the failover: user %q, want ann", got)
	}
	login(t, sessions, "bob")
	mu.Lock()
	defer mu.Unlock()
	if len(checked) < 3 || checked[0] == checked[len(checked)-1] {
		t.Errorf("run ids %q", checked)
	}
}

// TestOpenedStopped: servers that hang are not waited for, and the session is not
// taken for absent.
func TestOpenedStopped(t *testing.T) {
	t.Parallel()
	fixture := testenv.NewSentinel(t, testenv.SentinelConfig{DownAfter: time.Minute})
	s := openSessions(t, redis.OpenConfig{URL: fixture.URL})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	fixture.Nodes[0].Stop()
	defer fixture.Nodes[0].Cont()
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		watch := testenv.NewStopwatch()
		_, _, err := s.Fetch(ctx, "k")
		cancel()
		if took := watch.Took(); err == nil || took > 3*time.Second {
			t.Errorf("Fetch from a stopped server: %v after %v, want an error after 100 ms", err, took)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]redis.OpenConfig{
		"no URL":               {},
		"malformed URL":        {URL: "redis://user:hunter2"},
		"timeout":              {URL: "redis://h", SocketTimeout: time.Hour},
		"timeout, many":        {URL: "redis://a,b", SocketTimeout: time.Hour},
		"password for nothing": {URL: "redis://h", SentinelPassword: "hunter2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := redis.Open(t.Context(), cfg)
			if err == nil || !strings.HasPrefix(err.Error(), "session/redis: ") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, %v", s, err)
			}
		})
	}
}
