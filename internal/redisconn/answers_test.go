package redisconn_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/testenv"
)

// unavailableWith checks an error of a server that says "not now".
func unavailableWith(t *testing.T, err error, addr string, texts ...string) {
	t.Helper()
	if !errors.Is(err, redisconn.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	for _, text := range append(texts, addr) {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q lacks %q", err, text)
		}
	}
}

func TestLinkRefusedLogin(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	for _, row := range []struct{ name, url, text, remedy string }{
		{"no password", "redis://" + server.Addr, "NOAUTH", "put the password into the URL"},
		{"wrong password", "redis://:" + marker + "@" + server.Addr, "WRONGPASS", "correct user and password"},
		{"unknown user", "redis://nobody:" + marker + "@" + server.Addr, "WRONGPASS", "correct user and password"},
		{"database out of range", server.URL + "99", "DB index is out of range", "choose a database number"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			link := open(t, row.url, calm, nil)
			err := link.Ping(t.Context())
			unavailableWith(t, err, server.Addr, row.text, row.remedy)
			if strings.Contains(err.Error(), marker) {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestLinkUserOfTheACL(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{
		"user app on >pa/ss:w@rd ~app:* +@all -@dangerous",
	}})
	link := open(t, "redis://app:pa%2Fss%3Aw%40rd@"+server.Addr, calm, nil)
	must(t, set(t.Context(), link, "app:k", "v"))
	unavailableWith(t, set(t.Context(), link, "other:k", "v"), server.Addr, "NOPERM", "grant the ACL user")
}

func TestLinkToReplica(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{"replica-serve-stale-data no"}})
	link := open(t, server.URL, calm, nil)
	admin := pool(t, server.URL, calm).Get()
	defer admin.Close()
	_, err := admin.Do("REPLICAOF", "127.0.0.1", "1")
	must(t, err)
	_, err = get(t.Context(), link, "k")
	unavailableWith(t, err, server.Addr, "MASTERDOWN", "primary")
	_, err = admin.Do("CONFIG", "SET", "replica-serve-stale-data", "yes")
	must(t, err)
	unavailableWith(t, set(t.Context(), link, "k", "v"), server.Addr, "READONLY", "primary")
	_, err = admin.Do("REPLICAOF", "NO", "ONE")
	must(t, err)
	testenv.Eventually(t, patience, func() bool { return set(t.Context(), link, "k", "v") == nil }, "a write succeeds")
}

// A server that has become a replica may not be the one that the name in the URL
// leads to any more, so the link connects anew, but not with every call.
func TestLinkConnectsAnewToReplica(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	link := open(t, server.URL, calm, nil)
	ids := make(map[int64]bool)
	note := func() {
		must(t, link.Read(t.Context(), "client id", func(ctx context.Context, c rueidis.Client) error {
			id, err := c.Do(ctx, c.B().ClientId().Build()).ToInt64()
			ids[id] = true
			return err
		}))
	}
	note()
	admin := pool(t, server.URL, calm).Get()
	defer admin.Close()
	_, err := admin.Do("REPLICAOF", "127.0.0.1", "1")
	must(t, err)
	begin := time.Now()
	testenv.Eventually(t, patience, func() bool {
		_ = set(t.Context(), link, "k", "v")
		note()
		return len(ids) >= 3
	}, "the link connects anew")
	if took := time.Since(begin); took < 900*time.Millisecond {
		t.Errorf("connected anew twice within %v", took)
	}
}

func TestLinkLoading(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{Config: []string{"enable-debug-command local", "key-load-delay 1000", "loading-process-events-interval-bytes 1024"}})
	link := open(t, server.URL, redisconn.Policy{SocketTimeout: 2 * time.Second}, nil)
	must(t, link.Write(t.Context(), "debug populate", func(ctx context.Context, c rueidis.Client) error {
		return c.Do(ctx, c.B().Arbitrary("DEBUG", "POPULATE", "1000").Build()).Error()
	}))
	// The reload takes a second; the server answers now and then meanwhile.
	done := make(chan error, 1)
	go func() {
		admin := pool(t, server.URL, redisconn.Policy{SocketTimeout: patience}).Get()
		defer admin.Close()
		_, err := admin.Do("DEBUG", "RELOAD")
		done <- err
	}()
	testenv.Eventually(t, patience, func() bool {
		err := set(t.Context(), link, "k", "v")
		if err != nil && strings.Contains(err.Error(), "LOADING") {
			unavailableWith(t, err, server.Addr, "wait until the server has loaded")
			return true
		}
		return false
	}, "the server says that it is loading")
	must(t, <-done)
	testenv.Eventually(t, patience, func() bool { return set(t.Context(), link, "k", "v") == nil }, "a write succeeds")
}

func TestLinkOutOfMemory(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{"maxmemory 1", "maxmemory-policy noeviction"}})
	link := open(t, server.URL, calm, nil)
	unavailableWith(t, set(t.Context(), link, "k", "v"), server.Addr, "OOM", "maxmemory")
	_, err := get(t.Context(), link, "k")
	must(t, err)
}

func TestLinkTooManyClients(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{"maxclients 1"}})
	first := open(t, server.URL, calm, nil)
	must(t, first.Ping(t.Context()))
	second := open(t, server.URL, calm, nil)
	unavailableWith(t, second.Ping(t.Context()), server.Addr, "maxclients")
	must(t, first.Close())
	testenv.Eventually(t, patience, func() bool { return set(t.Context(), second, "k", "v") == nil }, "a write succeeds")
}

// What is the command's own fault is not unavailability.
func TestLinkOwnFault(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	link := open(t, server.URL, calm, nil)
	key := server.Prefix + "list"
	must(t, link.Write(t.Context(), "lpush", func(ctx context.Context, c rueidis.Client) error {
		return c.Do(ctx, c.B().Lpush().Key(key).Element("x").Build()).Error()
	}))
	_, err := get(t.Context(), link, key)
	var answer *rueidis.RedisError
	if errors.Is(err, redisconn.ErrUnavailable) || !errors.As(err, &answer) || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("got %v", err)
	}
}
