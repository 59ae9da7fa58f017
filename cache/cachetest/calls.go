package cachetest

import (
	"context"

	"github.com/echoic-go/echoic/cache"
)

// call is one method of a store, called so that it would find or change
// something under key.
type call struct {
	name string
	do   func(ctx context.Context, store cache.Store, key string) error
}

// calls lists every method that takes a context and that caps claims. They are
// called on a key that holds the integer 5 for ever.
func calls(caps Caps) []call {
	list := []call{
		{"Get", func(ctx context.Context, s cache.Store, key string) error {
			_, _, err := s.Get(ctx, key)
			return err
		}},
		{"Set", func(ctx context.Context, s cache.Store, key string) error {
			_, err := s.Set(ctx, key, []byte("6"), cache.Forever, cache.Always)
			return err
		}},
		{"SetIfPresent", func(ctx context.Context, s cache.Store, key string) error {
			_, err := s.Set(ctx, key, []byte("6"), cache.Forever, cache.IfPresent)
			return err
		}},
		{"SetIfAbsent", func(ctx context.Context, s cache.Store, key string) error {
			_, err := s.Set(ctx, key+"-new", []byte("6"), cache.Forever, cache.IfAbsent)
			return err
		}},
		{"Delete", func(ctx context.Context, s cache.Store, key string) error {
			_, err := s.Delete(ctx, key)
			return err
		}},
	}
	if !caps.NoMany {
		list = append(list, manyCalls...)
	}
	if !caps.NoExpirer {
		list = append(list, expirerCalls...)
	}
	if !caps.NoCounter {
		list = append(list, counterCalls...)
	}
	if !caps.NoSwapper {
		list = append(list, swapperCalls...)
	}
	if !caps.NoLister {
		list = append(list, listerCalls...)
	}
	if caps.Renewer {
		list = append(list, renewerCalls...)
	}
	return list
}

var manyCalls = []call{
	{"GetMany", func(ctx context.Context, s cache.Store, key string) error {
		_, err := s.(cache.ManyStore).GetMany(ctx, []string{key, key + "-new"})
		return err
	}},
	{"SetMany", func(ctx context.Context, s cache.Store, key string) error {
		_, err := s.(cache.ManyStore).SetMany(ctx, []cache.Item{
			{Key: key, Value: []byte("6"), TTL: cache.Forever},
			{Key: key + "-new", Value: []byte("6"), TTL: cache.Forever},
		})
		return err
	}},
}

var expirerCalls = []call{
	{"Touch", func(ctx context.Context, s cache.Store, key string) error {
		_, err := s.(cache.Expirer).Touch(ctx, key, brief)
		return err
	}},
	{"TTL", func(ctx context.Context, s cache.Store, key string) error {
		_, _, err := s.(cache.Expirer).TTL(ctx, key)
		return err
	}},
}

var counterCalls = []call{
	{"Incr", func(ctx context.Context, s cache.Store, key string) error {
		_, err := s.(cache.Counter).Incr(ctx, key, 1, &cache.Initial{TTL: cache.Forever})
		return err
	}},
	{"IncrCreate", func(ctx context.Context, s cache.Store, key string) error {
		_, err := s.(cache.Counter).Incr(ctx, key+"-new", 1, &cache.Initial{TTL: cache.Forever})
		return err
	}},
}

var swapperCalls = []call{
	{"Swap", func(ctx context.Context, s cache.Store, key string) error {
		_, err := s.(cache.Swapper).Swap(ctx, key, []byte("5"), []byte("6"), cache.Forever)
		return err
	}},
	{"SwapDelete", func(ctx context.Context, s cache.Store, key string) error {
		_, err := s.(cache.Swapper).Swap(ctx, key, []byte("5"), nil, cache.Forever)
		return err
	}},
}

var listerCalls = []call{
	{"Keys", func(ctx context.Context, s cache.Store, key string) error {
		for _, err := range s.(cache.Lister).Keys(ctx, key) {
			if err != nil {
				return err
			}
		}
		return nil
	}},
}
