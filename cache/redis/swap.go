package redis

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/cache"
)

// swapScript compares by SHA-1, so that the old value, which may be large, is
// not sent. It is no defence against somebody who can choose both values; who
// can write to the store needs no collision.
var swapScript = newScript(`
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
	err = s.write(ctx, "swap", func(ctx context.Context, c rueidis.Client) (err error) {
		swapped, err = swapScript.exec(ctx, c, run{key: key, args: args}).AsBool()
		return err
	})
	return swapped && err == nil, err
}
