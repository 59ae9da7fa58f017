package memory

import (
	"context"
	"iter"
	"strings"
)

// Keys implements cache.Lister. It looks at every key of the store, also at
// those of objects, and holds no lock while the caller works on one.
func (s *Store) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		c, err := s.open(ctx)
		if err != nil {
			yield("", err)
			return
		}
		for key := range c.Keys() {
			if err := ctx.Err(); err != nil {
				yield("", err)
				return
			}
			if strings.HasPrefix(key, prefix) && !yield(key, nil) {
				return
			}
		}
	}
}
