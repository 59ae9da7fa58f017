package database

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/echoic-go/echoic/cache"
)

// incrTries bounds how often Incr looks again because the value changed between
// its two statements, the second of which only finds out why the first did
// nothing.
const incrTries = 16

// Incr implements cache.Counter, in one statement. Integers are those that
// strconv.FormatInt writes: no leading zeros, no plus sign.
func (s *Store) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (sum int64, err error) {
	statement, args := s.sql.incr, []any{key, delta}
	overflow := create != nil && overflows(create.Value, delta)
	if create != nil && !overflow {
		statement = s.sql.incrCreate
		args = append(args, strconv.AppendInt(nil, create.Value+delta, 10), lifetime(create.TTL))
	}
	for range incrTries {
		var digits []byte
		n, err := s.write(ctx, "incr", statement, func(r row) error { return r.Scan(&digits) }, args...)
		if err != nil {
			return 0, err
		}
		if n > 0 {
			if create != nil {
				s.upkeep.wrote(1)
			}
			return strconv.ParseInt(string(digits), 10, 64)
		}
		err = s.whyNot(ctx, key, delta)
		if errors.Is(err, cache.ErrNotFound) && overflow {
			err = cache.ErrOverflow
		}
		if err != nil && (create == nil || overflow || !errors.Is(err, cache.ErrNotFound)) {
			return 0, refusal(key, err)
		}
	}
	return 0, fmt.Errorf("database: incr %.80q: the value changes too often: try again", key)
}

// refusal names the key in the errors that callers branch on.
func refusal(key string, err error) error {
	for _, known := range []error{cache.ErrNotFound, cache.ErrNotInteger, cache.ErrOverflow} {
		if errors.Is(err, known) {
			return fmt.Errorf("database: incr %.80q: %w", key, err)
		}
	}
	return err
}

// whyNot returns why delta could not be added, or nil if by now it could.
func (s *Store) whyNot(ctx context.Context, key string, delta int64) error {
	value, found, err := s.Get(ctx, key)
	if err != nil {
		return err
	}
	if !found {
		return cache.ErrNotFound
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != string(value) {
		return cache.ErrNotInteger
	}
	if overflows(n, delta) {
		return cache.ErrOverflow
	}
	return nil
}

func overflows(n, delta int64) bool {
	return (delta > 0 && n > math.MaxInt64-delta) || (delta < 0 && n < math.MinInt64-delta)
}
