package cachetest

import (
	"context"
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// cacheCall is one call of a cache that needs its store.
type cacheCall struct {
	name      string
	keyed     bool // takes a key
	versioned bool // takes options
	// promise says that the result would be a lie without the store.
	promise bool
	do      func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error
}

// cacheCalls lists every one.
func cacheCalls() []cacheCall { return slices.Concat(typedCalls, untypedCalls) }

var typedCalls = []cacheCall{
	{"Get", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, _, err := cache.Of[string](c).Get(ctx, key, opts...)
		return err
	}},
	{"GetOr", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := cache.Of[string](c).GetOr(ctx, key, "", opts...)
		return err
	}},
	{"Set", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := cache.Of[string](c).Set(ctx, key, "x", opts...)
		return err
	}},
	{"SetNothing", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := cache.Of[string](c).Set(ctx, key, "x", append(opts, cache.TTL(0))...)
		return err
	}},
	{"SetOnlyIfPresent", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := cache.Of[string](c).Set(ctx, key, "x", append(opts, cache.OnlyIfPresent())...)
		return err
	}},
	{"Add", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := cache.Of[string](c).Add(ctx, key, "x", opts...)
		return err
	}},
	{"GetOrSet", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := cache.Of[string](c).GetOrSet(ctx, key, func(context.Context) (string, error) { return "x", nil }, opts...)
		return err
	}},
	{"GetMany", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := cache.Of[string](c).GetMany(ctx, []string{"other", key}, opts...)
		return err
	}},
	{"SetMany", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := cache.Of[string](c).SetMany(ctx, map[string]string{"other": "x", key: "x"}, opts...)
		return err
	}},
}

var untypedCalls = []cacheCall{
	{"Delete", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := c.Delete(ctx, key, opts...)
		return err
	}},
	{"DeleteMany", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := c.DeleteMany(ctx, []string{"other", key}, opts...)
		return err
	}},
	{"Has", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := c.Has(ctx, key, opts...)
		return err
	}},
	{"Touch", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := c.Touch(ctx, key, opts...)
		return err
	}},
	{"ExpireAt", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := c.ExpireAt(ctx, key, time.Now().Add(time.Hour), opts...)
		return err
	}},
	{"TTL", true, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, _, err := c.TTL(ctx, key, opts...)
		return err
	}},
	{"Incr", true, true, true, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := c.Incr(ctx, key, 1, opts...)
		return err
	}},
	{"Decr", true, true, true, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := c.Decr(ctx, key, 1, opts...)
		return err
	}},
	{"IncrWithTTL", true, true, true, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := c.IncrWithTTL(ctx, key, 1, opts...)
		return err
	}},
	{"IncrVersion", true, true, true, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := c.IncrVersion(ctx, key, opts...)
		return err
	}},
	{"DecrVersion", true, true, true, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := c.DecrVersion(ctx, key, opts...)
		return err
	}},
	{"Keys", false, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		for _, err := range c.Keys(ctx, key+"*", opts...) {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"DeletePattern", false, true, false, func(ctx context.Context, c *cache.Cache, key string, opts ...cache.Option) error {
		_, err := c.DeletePattern(ctx, key+"*", opts...)
		return err
	}},
	{"Clear", false, false, true, func(ctx context.Context, c *cache.Cache, _ string, _ ...cache.Option) error {
		return c.Clear(ctx)
	}},
	{"Purge", false, false, true, func(ctx context.Context, c *cache.Cache, key string, _ ...cache.Option) error {
		return c.Purge(ctx, key)
	}},
}
