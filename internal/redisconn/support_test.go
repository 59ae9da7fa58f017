package redisconn_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/testenv"
)

// patience is how long tests wait for what must happen.
const patience = 10 * time.Second

// calm are timeouts for tests of what a link does, not of how long it takes.
var calm = redisconn.Policy{ConnectTimeout: patience, SocketTimeout: patience}

// written waits for a write that a busy machine may make late.
func written(t testing.TB, link *redisconn.Link, key, value string) {
	t.Helper()
	testenv.Eventually(t, patience, func() bool { return set(t.Context(), link, key, value) == nil }, "a write succeeds")
}

func parse(t testing.TB, url string) redisconn.Target {
	t.Helper()
	target, err := redisconn.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func open(t testing.TB, url string, policy redisconn.Policy, logger *slog.Logger) *redisconn.Link {
	t.Helper()
	link, err := redisconn.Open(t.Context(), parse(t, url), policy, logger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := link.Close(); err != nil {
			t.Error(err)
		}
	})
	return link
}

func set(ctx context.Context, link *redisconn.Link, key, value string) error {
	return link.Write(ctx, "set", func(ctx context.Context, c rueidis.Client) error {
		return c.Do(ctx, c.B().Set().Key(key).Value(value).Build()).Error()
	})
}

func get(ctx context.Context, link *redisconn.Link, key string) (value string, err error) {
	err = link.Read(ctx, "get", func(ctx context.Context, c rueidis.Client) error {
		value, err = c.Do(ctx, c.B().Get().Key(key).Build()).ToString()
		if rueidis.IsRedisNil(err) {
			err = nil
		}
		return err
	})
	return value, err
}

// logLines counts what a link tells its logger.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(b))
	return len(b), nil
}

func (l *logLines) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (l *logLines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
