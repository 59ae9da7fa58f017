package memory

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/maypok86/otter/v2"

	"github.com/echoic-go/echoic/cache"
)

// Incr implements cache.Counter. An integer is what strconv.FormatInt writes:
// "007" and "+7" are none.
func (s *Store) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (sum int64, err error) {
	c, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	c.Compute(key, func(e *entry, found bool) (*entry, otter.ComputeOp) {
		var from int64
		switch {
		case found:
			from, err = e.integer()
		case create != nil:
			from = create.Value
		default:
			err = fmt.Errorf("memory: incr %.80q: %w", key, cache.ErrNotFound)
		}
		if err == nil {
			sum, err = add(from, delta)
		}
		if err != nil {
			return nil, otter.CancelOp
		}
		digits := strconv.AppendInt(nil, sum, 10)
		var next *entry
		if found {
			next = e.with(key, digits)
		} else {
			next = s.newEntry(key, digits, create.TTL)
		}
		s.bytes.Add(next.size)
		return next, otter.WriteOp
	})
	s.wrote(c)
	return sum, err
}

func (e *entry) integer() (int64, error) {
	n, err := strconv.ParseInt(string(e.bytes), 10, 64)
	if err != nil || e.isObject || strconv.FormatInt(n, 10) != string(e.bytes) {
		return 0, fmt.Errorf("memory: incr: %w", cache.ErrNotInteger)
	}
	return n, nil
}

func add(a, b int64) (int64, error) {
	if (b > 0 && a > math.MaxInt64-b) || (b < 0 && a < math.MinInt64-b) {
		return 0, fmt.Errorf("memory: %d%+d: %w", a, b, cache.ErrOverflow)
	}
	return a + b, nil
}
