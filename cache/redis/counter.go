package redis

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/cache"
)

// incrScript adds ARGV[1]. ARGV[2] is the sum for a key that is not there, empty
// to leave it so, or "overflow"; ARGV[3] its lifetime in milliseconds, empty for
// none. The sum is returned as text: numbers of Lua are doubles.
var incrScript = newScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then
  if ARGV[2] == '' or ARGV[2] == 'overflow' then
    return ARGV[2]
  end
  if ARGV[3] == '' then
    redis.call('SET', KEYS[1], ARGV[2])
  else
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  end
  return ARGV[2]
end
redis.call('INCRBY', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])`)

// What INCRBY says of a value that it cannot add to.
const (
	notInteger = "value is not an integer"
	overflow   = "would overflow"
)

// Incr implements cache.Counter. A key that holds something else than a string
// is ErrNotInteger too.
func (s *Store) Incr(ctx context.Context, key string, delta int64, create *cache.Initial) (sum int64, err error) {
	args := []string{strconv.FormatInt(delta, 10), "", ""}
	if create != nil {
		args[1] = firstSum(create.Value, delta)
		if create.TTL != cache.Forever {
			args[2] = milliseconds(create.TTL)
		}
	}
	var text string
	key = s.prefix + key
	err = s.write(ctx, "incr", func(ctx context.Context, c rueidis.Client) (err error) {
		text, err = incrScript.exec(ctx, c, run{key: key, args: args}).ToString()
		return err
	})
	if err != nil {
		return 0, countFailure(err)
	}
	switch text {
	case "":
		return 0, cache.ErrNotFound
	case overflowed:
		return 0, cache.ErrOverflow
	}
	return strconv.ParseInt(text, 10, 64)
}

const overflowed = "overflow"

// firstSum is what a counter that is created now holds.
func firstSum(initial, delta int64) string {
	if delta > 0 && initial > math.MaxInt64-delta || delta < 0 && initial < math.MinInt64-delta {
		return overflowed
	}
	return strconv.FormatInt(initial+delta, 10)
}

func countFailure(err error) error {
	var answer *rueidis.RedisError
	if !errors.As(err, &answer) {
		return err
	}
	switch text := answer.Error(); {
	case strings.Contains(text, notInteger), strings.HasPrefix(text, "WRONGTYPE"):
		return cache.ErrNotInteger
	case strings.Contains(text, overflow):
		return cache.ErrOverflow
	}
	return err
}
