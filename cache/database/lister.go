package database

import (
	"context"
	"iter"
	"unicode/utf8"
)

// pageSize is how many keys are read at a time. No connection is held while
// they are yielded.
const pageSize = 1000

// Keys implements cache.Lister. It reads the keys in their order, 1000 with each
// statement, so each is yielded at most once.
func (s *Store) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		from, end := prefix, behind(prefix)
		for {
			page := make([]string, 0, pageSize)
			err := s.read(ctx, "keys", s.sql.page, func(r row) error {
				var key string
				err := r.Scan(&key)
				page = append(page, key)
				return err
			}, from, end, pageSize)
			if err != nil {
				yield("", err)
				return
			}
			for _, key := range page {
				if !yield(key, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			// Keys are printable, so none stands between the two.
			from = page[len(page)-1] + "\x01"
		}
	}
}

// behind is the first text, in the order of bytes, that is behind all that
// start with prefix.
func behind(prefix string) string {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case last == '\uD7FF':
			return prefix + "\uE000" // surrogates lie between them
		case last < utf8.MaxRune:
			return prefix + string(last+1)
		}
	}
	return string(utf8.MaxRune) // no printable key is behind it
}
