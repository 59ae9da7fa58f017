package redis

import "github.com/redis/rueidis"

// takeScript charges all buckets or none. ARGV has for each key the room, the cost
// and the floor in microseconds. It answers 1 or 0, and for each key how far its
// bucket is ahead. bucket.Table does the same in memory; a test compares them.
//
// An instant in microseconds is below 2^53, so Lua's numbers keep it exactly; as
// text it would be rounded, but for %.0f. A value that is no number, or is farther
// ahead than there is room for, as after the clock was set back, counts as full or
// empty, and never longer than the room.
var takeScript = rueidis.NewLuaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local allowed, ahead = 1, {}
for i, key in ipairs(KEYS) do
  local room, cost, floor = tonumber(ARGV[3*i-2]), tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i])
  local at = tonumber(redis.call('GET', key) or '') or now
  ahead[i] = math.max(0, floor, math.min(room, at - now))
  if cost > 0 and ahead[i] + cost > room then
    allowed = 0
  end
end
if allowed == 1 then
  for i, key in ipairs(KEYS) do
    local cost = tonumber(ARGV[3*i-1])
    if cost > 0 then
      ahead[i] = ahead[i] + cost
      redis.call('SET', key, string.format('%.0f', now + ahead[i]), 'PX', string.format('%.0f', math.ceil(ahead[i] / 1000)))
    end
  end
end
return {allowed, unpack(ahead)}`)

// beatScript says that ARGV[1] is there for ARGV[2] milliseconds, and answers who
// is. Who has not been heard of for longer goes.
var beatScript = rueidis.NewLuaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now))
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, 9999)`)
