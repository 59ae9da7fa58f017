package redis

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/cache"
)

// Each script names one key, so that it runs on a Cluster too.

// incrScript adds ARGV[1]. ARGV[2] is the sum for a key that is not there, empty
// to leave it so, or "overflow"; ARGV[3] its lifetime in milliseconds, empty for
// none. The sum is returned as text: numbers of Lua are doubles.
var incrScript = rueidis.NewLuaScript(`
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
	err = s.link.Write(ctx, "incr", func(ctx context.Context, c rueidis.Client) (err error) {
		text, err = incrScript.Exec(ctx, c, []string{key}, args).ToString()
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
		return failure(err)
	}
	switch text := answer.Error(); {
	case strings.Contains(text, notInteger), strings.HasPrefix(text, "WRONGTYPE"):
		return cache.ErrNotInteger
	case strings.Contains(text, overflow):
		return cache.ErrOverflow
	}
	return failure(err)
}

// swapScript compares by SHA-1, so that the old value, which may be large, is
// not sent. It is no defence against somebody who can choose both values; who
// can write to the store needs no collision.
var swapScript = rueidis.NewLuaScript(`
local old = redis.call('GET', KEYS[1])
if not old or redis.sha1hex(old) ~= ARGV[1] then
  return 0
end
if ARGV[2] == 'remove' then
  redis.call('UNLINK', KEYS[1])
elseif ARGV[3] == '' then
  redis.call('SET', KEYS[1], ARGV[4])
else
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[3])
end
return 1`)

// Swap implements cache.Swapper.
func (s *Store) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (swapped bool, err error) {
	sum := sha1.Sum(old)
	// The value is copied: unlike Set's it stays the caller's.
	args := []string{hex.EncodeToString(sum[:]), "set", "", string(value)}
	if value == nil {
		args[1] = "remove"
	}
	if ttl != cache.Forever {
		args[2] = milliseconds(ttl)
	}
	key = s.prefix + key
	err = s.link.Write(ctx, "swap", func(ctx context.Context, c rueidis.Client) (err error) {
		swapped, err = swapScript.Exec(ctx, c, []string{key}, args).AsBool()
		return err
	})
	return swapped && err == nil, failure(err)
}
