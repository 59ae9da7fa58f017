package cache

import (
	"context"
	"errors"
	"time"
)

// wholeStore is a Store with all powers that the near tier needs to see.
type wholeStore interface {
	Store
	ManyStore
	Expirer
	Counter
	Swapper
	Lister
}

// nearStore tells the near tier of every change that this process makes: before
// it, so that nobody is served the old value while the new one is on its way,
// and after it, so that what was read meanwhile is not held. That a read by this
// process never returns something older than its own write rests on this alone.
type nearStore struct {
	wholeStore
	near Near
	gen  string // the key of the generation of plain values
}

// behindNear returns the store as the cache uses it.
func behindNear(s Store, near Near, prefix string) (Store, error) {
	if near == nil {
		return s, nil
	}
	whole, ok := s.(wholeStore)
	if !ok {
		return nil, errors.New("cache: Config.Near needs a store that can do all that package cache knows (ManyStore, Expirer, Counter, Swapper, Lister): use redis, database or failover, or no Near")
	}
	if renewer, ok := s.(Renewer); ok {
		return nearRenewer{nearStore{whole, near, valuesGenerationKey(prefix)}, renewer}, nil
	}
	return nearStore{whole, near, valuesGenerationKey(prefix)}, nil
}

// forget drops the keys. While a fallback is in charge they are of its
// generations, and what the near tier holds is of those of the shared store: that
// is dropped too.
func (s nearStore) forget(keys ...string) {
	s.near.Forget(keys...)
	v, _ := s.near.Get(s.gen)
	held, ok := v.(string)
	if !ok {
		return
	}
	for _, key := range keys {
		if base, generation := cutGeneration(key); generation != "" && generation != held {
			s.near.Forget(inGeneration(base, held))
		}
	}
}

func (s nearStore) Set(ctx context.Context, key string, value []byte, ttl time.Duration, when When) (bool, error) {
	s.forget(key)
	defer s.forget(key)
	return s.wholeStore.Set(ctx, key, value, ttl, when)
}

func (s nearStore) Delete(ctx context.Context, keys ...string) (int, error) {
	s.forget(keys...)
	defer s.forget(keys...)
	return s.wholeStore.Delete(ctx, keys...)
}

func (s nearStore) SetMany(ctx context.Context, items []Item) ([]string, error) {
	keys := make([]string, len(items))
	for i := range items {
		keys[i] = items[i].Key
	}
	s.forget(keys...)
	defer s.forget(keys...)
	return s.wholeStore.SetMany(ctx, items)
}

func (s nearStore) Touch(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	s.forget(key)
	defer s.forget(key)
	return s.wholeStore.Touch(ctx, key, ttl)
}

func (s nearStore) Incr(ctx context.Context, key string, delta int64, create *Initial) (int64, error) {
	s.forget(key)
	defer s.forget(key)
	return s.wholeStore.Incr(ctx, key, delta, create)
}

func (s nearStore) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	s.forget(key)
	defer s.forget(key)
	return s.wholeStore.Swap(ctx, key, old, value, ttl)
}

// Degraded passes the word of the store on.
func (s nearStore) Degraded() bool { return degraded(s.wholeStore) }

// nearRenewer is a nearStore over a store that is a Renewer.
type nearRenewer struct {
	nearStore
	renewer Renewer
}

func (s nearRenewer) Renew(ctx context.Context, keys []string, tokens [][]byte, ttl time.Duration) error {
	s.forget(keys...)
	defer s.forget(keys...)
	return s.renewer.Renew(ctx, keys, tokens, ttl)
}
