package failover

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// view is the fallback as it is in one outage: the number of the outage stands
// before every key. It has all powers of the fallback.
type view struct {
	backend
	id     string
	prefix string
}

// separator ends the number of an outage. No key of package cache begins with
// what comes before it.
const separator = "|"

func newView(b backend, id string) *view { return &view{backend: b, id: id, prefix: id + separator} }

func (v *view) all(keys []string) []string {
	own := make([]string, len(keys))
	for i, key := range keys {
		own[i] = v.prefix + key
	}
	return own
}

func (v *view) Get(ctx context.Context, key string) ([]byte, bool, error) {
	return v.backend.Get(ctx, v.prefix+key)
}

func (v *view) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when cache.When) (bool, error) {
	return v.backend.Set(ctx, v.prefix+key, value, ttl, when)
}

func (v *view) Delete(ctx context.Context, keys ...string) (int, error) {
	return v.backend.Delete(ctx, v.all(keys)...)
}

func (v *view) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	return v.backend.GetMany(ctx, v.all(keys))
}

func (v *view) SetMany(ctx context.Context, items []cache.Item) ([]string, error) {
	own := make([]cache.Item, len(items))
	for i, item := range items {
		own[i] = item
		own[i].Key = v.prefix + item.Key
	}
	failed, err := v.backend.SetMany(ctx, own)
	for i := range failed {
		failed[i] = strings.TrimPrefix(failed[i], v.prefix)
	}
	return failed, err
}

func (v *view) Touch(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	return v.backend.Touch(ctx, v.prefix+key, ttl)
}

func (v *view) TTL(ctx context.Context, key string) (time.Duration, bool, error) {
	return v.backend.TTL(ctx, v.prefix+key)
}

func (v *view) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (int64, error) {
	return v.backend.Incr(ctx, v.prefix+key, delta, create)
}

func (v *view) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	return v.backend.Swap(ctx, v.prefix+key, old, value, ttl)
}

func (v *view) Renew(ctx context.Context, keys []string, tokens [][]byte, ttl time.Duration) error {
	return renew(ctx, v.backend, v.all(keys), tokens, ttl)
}

func (v *view) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for key, err := range v.backend.Keys(ctx, v.prefix+prefix) {
			if !yield(strings.TrimPrefix(key, v.prefix), err) {
				return
			}
		}
	}
}
