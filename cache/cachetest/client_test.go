package cachetest_test

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"github.com/echoic-go/echoic/cache"
	"github.com/echoic-go/echoic/cache/memory"
)

// client is one of several stores on one server: closing it closes only itself.
type client struct {
	server *memory.Store
	closed atomic.Bool
}

func newClient(server *memory.Store) *client { return &client{server: server} }

func (c *client) err() error {
	if c.closed.Load() {
		return cache.ErrClosed
	}
	return nil
}

func (c *client) Close() error {
	c.closed.Store(true)
	return nil
}

func (c *client) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := c.err(); err != nil {
		return nil, false, err
	}
	return c.server.Get(ctx, key)
}

func (c *client) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	if err := c.err(); err != nil {
		return false, err
	}
	return c.server.Set(ctx, key, value, ttl, when)
}

func (c *client) Delete(ctx context.Context, keys ...string) (int, error) {
	if err := c.err(); err != nil {
		return 0, err
	}
	return c.server.Delete(ctx, keys...)
}

func (c *client) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	if err := c.err(); err != nil {
		return nil, err
	}
	return c.server.GetMany(ctx, keys)
}

func (c *client) SetMany(ctx context.Context, items []cache.Item) ([]string, error) {
	if err := c.err(); err != nil {
		return nil, err
	}
	return c.server.SetMany(ctx, items)
}

func (c *client) Touch(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	if err := c.err(); err != nil {
		return false, err
	}
	return c.server.Touch(ctx, key, ttl)
}

func (c *client) TTL(ctx context.Context, key string) (time.Duration, bool, error) {
	if err := c.err(); err != nil {
		return 0, false, err
	}
	return c.server.TTL(ctx, key)
}

func (c *client) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (int64, error) {
	if err := c.err(); err != nil {
		return 0, err
	}
	return c.server.Incr(ctx, key, delta, create)
}

func (c *client) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	if err := c.err(); err != nil {
		return false, err
	}
	return c.server.Swap(ctx, key, old, value, ttl)
}

func (c *client) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	if err := c.err(); err != nil {
		return func(yield func(string, error) bool) { yield("", err) }
	}
	return c.server.Keys(ctx, prefix)
}
