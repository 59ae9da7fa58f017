package redisconn_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"
	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/testenv"
)

// verifier is a VerifyFunc that remembers what it was asked.
type verifier struct {
	mu    sync.Mutex
	asked [][]redisconn.Server
	// do, if not nil, is the answer.
	do func(ctx context.Context, c rueidis.Client, servers []redisconn.Server) error
}

func (v *verifier) verify(ctx context.Context, c rueidis.Client, servers []redisconn.Server) error {
	v.mu.Lock()
	v.asked = append(v.asked, servers)
	do := v.do
	v.mu.Unlock()
	if do == nil {
		return nil
	}
	return do(ctx, c, servers)
}

func (v *verifier) answer(do func(context.Context, rueidis.Client, []redisconn.Server) error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.do = do
}

func (v *verifier) times() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.asked)
}

// last is what it was asked last.
func (v *verifier) last() []redisconn.Server {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.asked) == 0 {
		return nil
	}
	return v.asked[len(v.asked)-1]
}

func openVerified(t testing.TB, url string, policy redisconn.Policy, log *logLines, verify redisconn.VerifyFunc) *redisconn.Link {
	t.Helper()
	link, err := redisconn.OpenVerified(t.Context(), parse(t, url), policy, log.logger(), verify)
	must(t, err)
	t.Cleanup(func() { must(t, link.Close()) })
	return link
}

// serverRunID asks the server itself.
func serverRunID(t testing.TB, url string) string {
	t.Helper()
	conn, err := redigo.DialURL(url)
	must(t, err)
	defer conn.Close()
	info, err := redigo.String(conn.Do("INFO", "server"))
	must(t, err)
	return runIDIn(info)
}

func runIDIn(info string) string {
	_, rest, _ := strings.Cut(info, "run_id:")
	id, _, _ := strings.Cut(rest, "\r\n")
	return id
}

// TestVerifyComesFirst: what the VerifyFunc wrote is there before any call, after
// the first connect and after a restart.
func TestVerifyComesFirst(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	var v verifier
	v.answer(func(ctx context.Context, c rueidis.Client, servers []redisconn.Server) error {
		return c.Do(ctx, c.B().Set().Key("trusted").Value(servers[0].RunID).Build()).Error()
	})
	link := openVerified(t, server.URL, redisconn.Policy{}, &logLines{}, v.verify)
	for restarts := range 3 {
		if restarts > 0 {
			server.Kill()
			server.Restart()
		}
		id := serverRunID(t, server.URL)
		testenv.Eventually(t, patience, func() bool {
			value, err := get(t.Context(), link, "trusted")
			if err == nil && value != id {
				t.Fatalf("a call reads %q before the server %s is verified", value, id)
			}
			return err == nil
		}, "the link is back")
		if last := v.last(); len(last) != 1 || last[0] != (redisconn.Server{RunID: id, Addr: server.Addr}) {
			t.Errorf("asked about %+v, want run id %s at %s", last, id, server.Addr)
		}
	}
}

// TestVerifyFails: calls fail as long as the server is not trusted, in time, with
// one line in the log.
func TestVerifyFails(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	var log logLines
	var v verifier
	v.answer(func(context.Context, rueidis.Client, []redisconn.Server) error { return errors.New("no journal") })
	link := openVerified(t, server.URL, redisconn.Policy{}, &log, v.verify)
	testenv.Eventually(t, patience, func() bool { return v.times() >= 3 }, "the question is repeated")
	within(t, longest, "a call", func() {
		unavailableWith(t, set(t.Context(), link, "k", "v"), server.Addr, "no journal", "see why")
	})
	v.answer(nil)
	testenv.Eventually(t, patience, func() bool { return set(t.Context(), link, "k", "v") == nil }, "a write succeeds")
	if away, back := log.count("redis: unavailable"), log.count("available again"); away != 1 || back != 1 {
		t.Errorf("%d and %d lines for one change and back", away, back)
	}
}

// TestVerifyTakesItsTime: calls wait for it, but no longer than they wait for
// anything.
func TestVerifyTakesItsTime(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	var v verifier
	proceed := make(chan struct{})
	v.answer(func(ctx context.Context, _ rueidis.Client, _ []redisconn.Server) error {
		select {
		case <-proceed:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	link := openVerified(t, server.URL, redisconn.Policy{}, &logLines{}, v.verify)
	for range 3 {
		within(t, longest, "a call", func() {
			unavailableWith(t, set(t.Context(), link, "k", "v"), server.Addr)
		})
	}
	unavailableWith(t, set(t.Context(), link, "k", "v"), server.Addr, "not verified yet")
	close(proceed)
	testenv.Eventually(t, patience, func() bool { return set(t.Context(), link, "k", "v") == nil }, "a write succeeds")
	if n := v.times(); n != 1 {
		t.Errorf("asked %d times about one server", n)
	}
}

func TestVerifyEndsWithTheLink(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	var v verifier
	v.answer(func(ctx context.Context, _ rueidis.Client, _ []redisconn.Server) error {
		<-ctx.Done()
		return ctx.Err()
	})
	link := openVerified(t, server.URL, redisconn.Policy{}, &logLines{}, v.verify)
	testenv.Eventually(t, patience, func() bool { return v.times() == 1 }, "the question is asked")
	within(t, longest, "Close", func() { must(t, link.Close()) })
}

func TestPoolVerified(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	var mu sync.Mutex
	var asked []string
	var answer error
	p, err := redisconn.RedigoPoolVerified(parse(t, server.URL), redisconn.Policy{SocketTimeout: time.Second}, func(_ context.Context, runID string) error {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, runID)
		return answer
	})
	must(t, err)
	defer p.Close()
	conn, err := p.GetContext(t.Context())
	must(t, err)
	if _, err := conn.Do("PING"); err != nil {
		t.Fatal(err)
	}
	if want := serverRunID(t, server.URL); len(asked) != 1 || asked[0] != want {
		t.Errorf("asked about %q, want %s", asked, want)
	}
	mu.Lock()
	answer = errors.New("no journal")
	mu.Unlock()
	if _, err := p.GetContext(t.Context()); !errors.Is(err, answer) || !strings.Contains(err.Error(), server.Addr) {
		t.Errorf("a refused connection: %v", err)
	}
	must(t, conn.Close())
}
