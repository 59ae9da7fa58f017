package redis_test

import (
	"context"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/testenv"
	"github.com/echoic-go/echoic/ratelimit"
	"github.com/echoic-go/echoic/ratelimit/redis"
)

// patience is how long tests wait for what must happen, and the deadline of those
// that are not about time.
const patience = 20 * time.Second

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, url, prefix string) *redis.Store {
	t.Helper()
	store, err := redis.New(context.Background(), redis.Config{URL: url, Prefix: prefix, SocketTimeout: 5 * time.Second})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	ready(t, store)
	return store
}

func ready(t testing.TB, store *redis.Store) {
	t.Helper()
	testenv.Eventually(t, patience, func() bool { return store.Ping(t.Context()) == nil }, "the server is there")
}

func limiter(t testing.TB, cfg ratelimit.Config) *ratelimit.Limiter {
	t.Helper()
	l, err := ratelimit.New(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

func dial(t testing.TB, url string) redigo.Conn {
	t.Helper()
	conn, err := redigo.DialURLContext(context.Background(), url)
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()) })
	return conn
}

// clock is the server's, in microseconds.
func clock(t testing.TB, conn redigo.Conn) time.Duration {
	t.Helper()
	parts, err := redigo.Int64s(conn.Do("TIME"))
	must(t, err)
	return time.Duration(parts[0])*time.Second + time.Duration(parts[1])*time.Microsecond
}
