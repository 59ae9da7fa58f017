package redis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/cache"
)

// renewScript stores the token ARGV[1] for ARGV[2] milliseconds, empty for ever,
// unless a later one is there. Sequence numbers are compared byte by byte: Lua
// compares strings in the order of the server's locale, and its numbers are
// doubles. What is there and is no token is replaced, of whatever type.
var renewScript = newScript(`
local old = redis.pcall('GET', KEYS[1])
if type(old) == 'string' and #old == 16 then
  for i = 9, 16 do
    local a, b = old:byte(i), ARGV[1]:byte(i)
    if a > b then
      return 0
    elseif a < b then
      break
    end
  end
end
if ARGV[2] == '' then
  redis.call('SET', KEYS[1], ARGV[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1`)

// Renew implements cache.Renewer: a script a key, in one pipeline to each server
// for each thousand keys. After an error any of the tokens may have been written.
func (s *Store) Renew(ctx context.Context, keys []string, tokens [][]byte, ttl time.Duration) error {
	if len(keys) != len(tokens) {
		return fmt.Errorf("redis: renew: %d keys and %d tokens: give one token a key", len(keys), len(tokens))
	}
	for _, token := range tokens {
		if len(token) != cache.TokenBytes {
			return fmt.Errorf("redis: renew: a token of %d bytes: give tokens of %d", len(token), cache.TokenBytes)
		}
	}
	if len(keys) == 0 {
		return s.nothing(ctx)
	}
	lifetime := ""
	if ttl != cache.Forever {
		lifetime = milliseconds(ttl)
	}
	for chunk := range slices.Chunk(s.prefixed(keys), pipelineSize) {
		runs := make([]run, len(chunk))
		for i, key := range chunk {
			runs[i] = run{key: key, args: []string{rueidis.BinaryString(tokens[i]), lifetime}}
		}
		tokens = tokens[len(chunk):]
		err := s.write(ctx, "renew", func(ctx context.Context, c rueidis.Client) error {
			return renewScript.pipeline(ctx, c, runs)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
