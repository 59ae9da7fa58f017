package database

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/echoic-go/echoic/cache"
)

// unlessNewer lets a token replace what is over, is no token, or has no greater
// number. Both databases compare bytes as unsigned ones.
const unlessNewer = ` WHERE {over} OR length(c.value) <> 16 OR substr(c.value, 9) <= substr(excluded.value, 9)`

// Renew implements cache.Renewer, in one statement. (SQLite takes 5000 tokens a
// statement; more are kept in one transaction.)
func (s *Store) Renew(ctx context.Context, keys []string, tokens [][]byte, ttl time.Duration) error {
	if len(keys) != len(tokens) {
		return fmt.Errorf("database: renew: %d keys and %d tokens: give one token a key", len(keys), len(tokens))
	}
	items := make([]cache.Item, len(keys))
	for i, token := range tokens {
		if len(token) != cache.TokenBytes {
			return fmt.Errorf("database: renew: a token of %d bytes: give tokens of %d", len(token), cache.TokenBytes)
		}
		items[i] = cache.Item{Key: keys[i], Value: token, TTL: ttl}
	}
	if len(items) == 0 {
		return s.nothing(ctx)
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	// Of a key that is there twice the greater token is the last, which
	// distinct keeps.
	slices.SortFunc(items, func(a, b cache.Item) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), bytes.Compare(a.Value[8:], b.Value[8:]))
	})
	items = distinct(items)
	if err := s.engine.renew(ctx, items); err != nil {
		return s.problem(ctx, "renew", err)
	}
	s.upkeep.wrote(len(items))
	return nil
}
