package failover

import (
	"context"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// Renew implements cache.Renewer. Tokens with a number that the fallback gave (see
// cache.FellBack) are refused while the primary is in charge, whose numbers are
// others: there they would outlast every later purge.
func (s *Store) Renew(ctx context.Context, keys []string, tokens [][]byte, ttl time.Duration) error {
	return s.write(ctx, change{what: "renew", keys: keys, bound: true}, func(ctx context.Context, b backend) error {
		return renew(ctx, b, keys, tokens, ttl)
	})
}

// renewTries is how often a token is written against others who write it too.
const renewTries = 16

// renew writes tokens as a cache.Renewer does, by comparing and swapping them
// where the store is none.
func renew(ctx context.Context, b backend, keys []string, tokens [][]byte, ttl time.Duration) error {
	if r, ok := b.(cache.Renewer); ok {
		return r.Renew(ctx, keys, tokens, ttl)
	}
	for i, key := range keys {
		if err := renewOne(ctx, b, key, tokens[i], ttl); err != nil {
			return err
		}
	}
	return nil
}

func renewOne(ctx context.Context, b backend, key string, token []byte, ttl time.Duration) error {
	mine, _ := cache.TokenSequence(token)
	for range renewTries {
		old, found, err := b.Get(ctx, key)
		if err != nil {
			return err
		}
		if there, ok := cache.TokenSequence(old); ok && there > mine {
			return nil
		}
		var done bool
		if found {
			done, err = b.Swap(ctx, key, old, token, ttl)
		} else {
			done, err = b.Set(ctx, key, token, ttl, cache.IfAbsent)
		}
		if err != nil || done {
			return err
		}
	}
	_, err := b.Delete(ctx, key) // as good: a missing token is not valid
	return err
}
