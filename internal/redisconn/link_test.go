package redisconn_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/testenv"
)

// longest is the most that a call may take, whatever the server does: twice the
// socket timeout, and something for the work itself.
const longest = 600 * time.Millisecond

// within fails the test if do takes longer than limit, not counting the time for
// which a busy machine did not let this process, and the servers, run.
func within(t testing.TB, limit time.Duration, what string, do func()) {
	t.Helper()
	watch := testenv.NewStopwatch()
	do()
	if took := watch.Took(); took > limit {
		t.Errorf("%s took %v, want at most %v", what, took, limit)
	}
}

func TestLinkReadsAndWrites(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	link := open(t, server.URL, calm, nil)
	must(t, set(t.Context(), link, server.Prefix+"k", "v"))
	value, err := get(t.Context(), link, server.Prefix+"k")
	must(t, err)
	if value != "v" {
		t.Errorf("got %q, want v", value)
	}
	must(t, link.Ping(t.Context()))
}

func TestLinkSelectsItsDatabase(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	zero := open(t, server.URL, calm, nil)
	three := open(t, strings.TrimSuffix(server.URL, "/0")+"/3", calm, nil)
	must(t, set(t.Context(), three, "k", "v"))
	value, err := get(t.Context(), zero, "k")
	must(t, err)
	if value != "" {
		t.Errorf("database 0 has what was written to database 3: %q", value)
	}
}

func TestLinkWithoutServer(t *testing.T) {
	t.Parallel()
	addr := testenv.RefusedAddr(t)
	var log logLines
	link := open(t, "redis://:"+marker+"@"+addr+"/1", redisconn.Policy{}, log.logger())
	testenv.Eventually(t, patience, func() bool { return log.count("redis: unavailable") > 0 }, "the link logs that there is no server")
	for range 100 {
		var err error
		within(t, longest/10, "a call while the server is known to be away", func() { err = set(t.Context(), link, "k", "v") })
		text := err.Error()
		if !errors.Is(err, redisconn.ErrUnavailable) || !strings.HasPrefix(text, "redis: set: ") || !strings.Contains(text, addr) || !strings.Contains(text, "start the server") {
			t.Fatalf("got %v", err)
		}
	}
	if err := link.Ping(t.Context()); !errors.Is(err, redisconn.ErrUnavailable) || !strings.Contains(err.Error(), addr) {
		t.Errorf("Ping: %v", err)
	}
	if n := log.count("redis: unavailable"); n != 1 {
		t.Errorf("%d lines for one change of state", n)
	}
	if log.count(marker) != 0 {
		t.Error("the log shows the password")
	}
}

func TestLinkComesBack(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		end  func(*testenv.RedisServer)
	}{
		{"killed", (*testenv.RedisServer).Kill},
		{"shut down", (*testenv.RedisServer).Shutdown},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := testenv.NewRedis(t, testenv.RedisConfig{})
			var log logLines
			link := open(t, server.URL, redisconn.Policy{}, log.logger())
			written(t, link, "k", "v")
			for outage := range 2 {
				row.end(server)
				testenv.Eventually(t, patience, func() bool {
					return set(t.Context(), link, "k2", "v") != nil && log.count("unavailable") > outage
				}, "a write fails")
				server.Restart()
				testenv.Within(t, 2*time.Second, func() bool { return set(t.Context(), link, "k2", "v") == nil }, "a write succeeds")
			}
			value, err := get(t.Context(), link, "k")
			must(t, err)
			if value != "v" {
				t.Errorf("got %q, want v", value)
			}
			if away, back := log.count("unavailable"), log.count("available again"); away != 2 || back != 2 {
				t.Errorf("%d and %d lines for two outages", away, back)
			}
		})
	}
}

func TestLinkConnectsWhenTheServerComes(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{})
	server.Kill()
	link := open(t, server.URL, redisconn.Policy{}, nil)
	if err := set(t.Context(), link, "k", "v"); !errors.Is(err, redisconn.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	server.Restart()
	must(t, link.Ping(t.Context())) // at once: Ping asks for an attempt
	written(t, link, "k", "v")
}

// A connection that somebody else ends is replaced without a failed call, but
// for those that were on their way.
func TestLinkSurvivesClientKill(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	link := open(t, server.URL, redisconn.Policy{}, nil)
	written(t, link, "k", "v")
	admin := pool(t, server.URL, redisconn.Policy{}).Get()
	defer admin.Close()
	for range 20 {
		if _, err := admin.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"); err != nil {
			t.Fatal(err)
		}
		testenv.Eventually(t, patience, func() bool { return set(t.Context(), link, "k", "v") == nil }, "a write succeeds")
	}
}

func TestLinkAgainstStoppedServer(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	link := open(t, server.URL, redisconn.Policy{}, nil)
	written(t, link, "k", "v")
	server.Stop()
	for i := range 20 {
		var err error
		within(t, longest, "a write to a stopped server", func() { err = set(t.Context(), link, "k", "v") })
		if !errors.Is(err, redisconn.ErrUnavailable) {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	server.Cont()
	testenv.Within(t, 2*time.Second, func() bool { return set(t.Context(), link, "k", "v") == nil }, "a write succeeds")
}

// Many callers with short deadlines: more than rueidis' queue holds. Not parallel:
// 1500 goroutines want the processors for themselves.
func TestLinkKeepsDeadlinesAgainstStoppedServer(t *testing.T) {
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	link := open(t, server.URL, redisconn.Policy{ConnectTimeout: slowSocket, SocketTimeout: slowSocket}, nil)
	written(t, link, "k", "v")
	server.Stop()
	defer server.Cont()
	within(t, slowSocket-slack, "1500 writes with a deadline of 50ms", func() {
		var wg sync.WaitGroup
		for range 1500 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				if err := set(ctx, link, "k", "v"); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, redisconn.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
	})
}

// A caller's short deadline is its own affair: the connection stays, and with it
// the calls of others.
func TestLinkDeadlineKeepsTheConnection(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{"enable-debug-command local"}})
	link := open(t, server.URL, redisconn.Policy{SocketTimeout: 5 * time.Second}, nil)
	id := func() (n int64) {
		must(t, link.Read(t.Context(), "client id", func(ctx context.Context, c rueidis.Client) (err error) {
			n, err = c.Do(ctx, c.B().ClientId().Build()).ToInt64()
			return err
		}))
		return n
	}
	before := id()
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		err := link.Write(ctx, "debug sleep", func(ctx context.Context, c rueidis.Client) error {
			return c.Do(ctx, c.B().Arbitrary("DEBUG", "SLEEP", "0.05").Build()).Error()
		})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, redisconn.ErrUnavailable) {
			t.Errorf("got %v, want the caller's deadline", err)
		}
	}
	if after := id(); after != before {
		t.Errorf("connection %d was replaced by %d", before, after)
	}
}

func TestLinkEndedContext(t *testing.T) {
	t.Parallel()
	link := open(t, testenv.Redis(t).URL, calm, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := set(ctx, link, "k", "v"); !errors.Is(err, context.Canceled) || errors.Is(err, redisconn.ErrUnavailable) {
		t.Errorf("got %v, want the caller's cancellation", err)
	}
	if _, err := redisconn.Open(ctx, parse(t, "redis://localhost"), calm, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v", err)
	}
}

func TestLinkClose(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	link := open(t, server.URL, calm, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for set(t.Context(), link, server.Prefix+"k", "v") == nil {
			}
		})
	}
	must(t, set(t.Context(), link, server.Prefix+"k", "v"))
	for range 3 {
		wg.Go(func() { must(t, link.Close()) })
	}
	wg.Wait()
	if err := set(t.Context(), link, "k", "v"); !errors.Is(err, redisconn.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := link.Ping(t.Context()); !errors.Is(err, redisconn.ErrClosed) {
		t.Errorf("Ping after Close: %v", err)
	}
}

func TestLinkClosesWhateverTheServerDoes(t *testing.T) {
	t.Parallel()
	t.Run("away", func(t *testing.T) {
		t.Parallel()
		link := open(t, "redis://"+testenv.RefusedAddr(t), redisconn.Policy{}, nil)
		within(t, longest, "Close", func() { must(t, link.Close()) })
	})
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
		link := open(t, server.URL, redisconn.Policy{}, nil)
		written(t, link, "k", "v")
		server.Stop()
		defer server.Cont()
		within(t, longest, "Close", func() { must(t, link.Close()) })
	})
	t.Run("mute", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer listener.Close()
		link := open(t, "redis://"+listener.Addr().String(), redisconn.Policy{}, nil)
		within(t, longest, "Close", func() { must(t, link.Close()) })
	})
}

func TestLinkRetriesReads(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		retry bool
		do    func(*redisconn.Link, context.Context, string, redisconn.Func) error
		lost  bool
	}{
		{"a read if asked to", true, (*redisconn.Link).Read, false},
		{"no read else", false, (*redisconn.Link).Read, true},
		{"never a write", true, (*redisconn.Link).Write, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
			link := open(t, server.URL, redisconn.Policy{RetryOnTimeout: row.retry}, nil)
			must(t, link.Ping(t.Context()))
			answers := 0
			err := row.do(link, t.Context(), "incr", func(ctx context.Context, c rueidis.Client) error {
				if err := c.Do(ctx, c.B().Incr().Key("k").Build()).Error(); err != nil {
					return err
				}
				answers++
				if answers > 1 {
					return nil
				}
				// As if the connection had been cut before the answer.
				c.Do(ctx, c.B().Arbitrary("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no").Build())
				for {
					if err := c.Do(ctx, c.B().Ping().Build()).Error(); err != nil {
						return io.ErrUnexpectedEOF
					}
				}
			})
			if row.lost != errors.Is(err, redisconn.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
			count := "2"
			if row.lost {
				count = "1"
			}
			testenv.Eventually(t, patience, func() bool { return link.Ping(t.Context()) == nil }, "the link is back")
			value, err := get(t.Context(), link, "k")
			must(t, err)
			if value != count {
				t.Errorf("the command reached the server %s times, want %s", value, count)
			}
		})
	}
}
