package echoic

import (
	"context"
	"errors"

	"github.com/echoic-go/echoic/cache"
)

// ClearCache drops everything that is cached under cfg's prefix, and frees it
// before it returns; sessions stay. Unlike an App's own cache it reports every
// failure. progress, if not nil, is called with the number of entries freed so
// far. It cannot reach the memory of another process.
func ClearCache(ctx context.Context, cfg Config, progress func(freed int)) (freed int, err error) {
	var owned resources
	defer func() { err = errors.Join(err, owned.Close()) }()
	store, err := openStore(ctx, cfg, &owned)
	if err != nil {
		return 0, err
	}
	c, err := cache.New(cache.Config{Store: store, Prefix: cfg.CachePrefix, Logger: cfg.Logger})
	if err != nil {
		return 0, err
	}
	owned.add(c)
	return c.ClearNow(ctx, progress)
}
