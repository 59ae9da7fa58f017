package database

import (
	"cmp"
	"context"
	"slices"

	"github.com/echoic-go/echoic/cache"
)

// GetMany implements cache.ManyStore, in one statement.
func (s *Store) GetMany(ctx context.Context, keys []string) (values [][]byte, err error) {
	values = make([][]byte, len(keys))
	if len(keys) == 0 {
		return values, s.nothing(ctx)
	}
	found := make(map[string][]byte, len(keys))
	err = s.read(ctx, "get many", s.sql.getMany, func(r row) error {
		var key string
		var value []byte
		if err := r.Scan(&key, &value); err != nil {
			return err
		}
		found[key] = notNil(value)
		return nil
	}, s.engine.list(keys))
	if err != nil {
		return nil, err
	}
	for i, key := range keys {
		values[i] = found[key]
	}
	return values, nil
}

// SetMany implements cache.ManyStore, in one statement: all items are kept or,
// with an error, none. (SQLite takes 5000 items a statement; more are kept in
// one transaction.) failed is always empty.
func (s *Store) SetMany(ctx context.Context, items []cache.Item) (failed []string, err error) {
	if len(items) == 0 {
		return nil, s.nothing(ctx)
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	items = distinct(items)
	if err := s.engine.setMany(ctx, items); err != nil {
		return nil, s.problem(ctx, "set many", err)
	}
	s.upkeep.wrote(len(items))
	return nil, nil
}

// distinct returns the items in the order of their keys, of each key only the
// last. A statement may change a row once only, and statements that lock their
// rows in one order never wait for each other in a circle.
func distinct(items []cache.Item) []cache.Item {
	sorted := slices.Clone(items)
	slices.SortStableFunc(sorted, func(a, b cache.Item) int { return cmp.Compare(a.Key, b.Key) })
	kept := sorted[:0]
	for i, item := range sorted {
		if i+1 == len(sorted) || sorted[i+1].Key != item.Key {
			kept = append(kept, item)
		}
	}
	return kept
}
