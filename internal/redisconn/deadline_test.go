package redisconn_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/redisconn"
	"github.com/echoic-go/echoic/internal/testenv"
)

// Calls under one context share what bounds them; they end with it all the same.
func TestLinkCallsUnderOneContext(t *testing.T) {
	t.Parallel()
	server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	link := open(t, server.URL, redisconn.Policy{SocketTimeout: patience}, nil)
	must(t, link.Ping(t.Context()))
	server.Stop()
	defer server.Cont()
	ctx, cancel := context.WithCancel(t.Context())
	var started, ended sync.WaitGroup
	for range 8 {
		started.Add(1)
		ended.Go(func() {
			started.Done()
			if _, err := get(ctx, link, "k"); !errors.Is(err, context.Canceled) || errors.Is(err, redisconn.ErrUnavailable) {
				t.Errorf("got %v, want that the call was cancelled", err)
			}
		})
	}
	started.Wait()
	cancel()
	within(t, patience/2, "eight calls that were cancelled", ended.Wait)
}

// A context that never ends does not make a call longer, nor does one that ends
// late.
func TestLinkCallsWithoutDeadline(t *testing.T) {
	t.Parallel()
	late, cancel := context.WithTimeout(t.Context(), time.Hour)
	t.Cleanup(cancel)
	for name, ctx := range map[string]context.Context{"never": context.Background(), "late": late} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
			link := open(t, server.URL, redisconn.Policy{}, nil)
			for range 3 {
				testenv.Eventually(t, patience, func() bool { return link.Ping(t.Context()) == nil }, "the server answers")
				server.Stop()
				within(t, longest, "a call", func() {
					if _, err := get(ctx, link, "k"); !errors.Is(err, redisconn.ErrUnavailable) {
						t.Errorf("got %v", err)
					}
				})
				server.Cont()
			}
		})
	}
}
