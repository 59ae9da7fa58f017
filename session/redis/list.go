package redis

import (
	"context"
	"iter"
	"strings"

	"github.com/echoic-go/echoic/session"
)

// Each implements session.Lister.
func (s *Store) Each(ctx context.Context) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		cursor := "0"
		for {
			next, page, err := s.page(ctx, cursor)
			if err != nil {
				yield(session.Entry{}, err)
				return
			}
			for _, entry := range page {
				if !yield(entry, nil) {
					return
				}
			}
			if next == "0" {
				return
			}
			cursor = next
		}
	}
}

// page reads the sessions that one SCAN finds.
func (s *Store) page(ctx context.Context, cursor string) (next string, page []session.Entry, err error) {
	if s.closed.Load() {
		return "", nil, failed("list", session.ErrClosed)
	}
	step := func(c conn) error {
		var keys []string
		var err error
		if next, keys, err = c.scan(cursor, literal(s.prefix)+"*"); err != nil || len(keys) == 0 {
			return err
		}
		records, err := c.records(keys)
		if err != nil {
			return err
		}
		for i, rec := range records {
			if rec != nil {
				page = append(page, session.Entry{Key: strings.TrimPrefix(keys[i], s.prefix), Record: *rec})
			}
		}
		return nil
	}
	// What lists sessions is in no hurry: no budget.
	err = s.guard.Do(ctx, func(ctx context.Context) error { return s.lend(ctx, s.timeout, step) })
	return next, page, failed("list", err)
}

// All implements scs.IterableStore. Unlike that of redisstore it does not stop
// the server with KEYS.
func (s *Store) All() (map[string][]byte, error) {
	all := make(map[string][]byte)
	for entry, err := range s.Each(context.Background()) {
		if err != nil {
			return nil, err
		}
		all[entry.Key] = entry.Data
	}
	return all, nil
}

// literal escapes what a pattern of Redis would not take literally.
func literal(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `^`, `\^`).Replace(text)
}
