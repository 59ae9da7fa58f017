package chaos_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/chaos"
	"github.com/echoic-go/echoic/internal/faultproxy"
	"github.com/echoic-go/echoic/internal/testenv"
)

func TestAllIsWell(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	nothing := func() {}
	fault{world: chaos.New(t, chaos.Config{Redis: redis}), breakIt: nothing, mend: nothing}.run(t)
}

func TestRedisKilled(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	fault{world: chaos.New(t, chaos.Config{Redis: redis}), breakIt: redis.Kill, mend: redis.Restart}.run(t)
}

// A server that comes back empty has lost sessions, but nothing else shows.
func TestRedisKilledAndEmpty(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
	fault{world: chaos.New(t, chaos.Config{Redis: redis}), breakIt: redis.Kill, mend: redis.Restart}.run(t)
}

func TestRedisStopped(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	fault{world: chaos.New(t, chaos.Config{Redis: redis}), breakIt: redis.Stop, mend: redis.Cont}.run(t)
}

func TestRedisSlow(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	world := chaos.New(t, chaos.Config{Redis: redis})
	slow := func() {
		for _, app := range world.Apps {
			app.Redis.Set(faultproxy.ToClient, faultproxy.Faults{Latency: 500 * time.Millisecond})
		}
	}
	fault{world: world, breakIt: slow, mend: world.Healed}.run(t)
}

// Replies arrive one byte at a time.
func TestRedisInSlices(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	world := chaos.New(t, chaos.Config{Redis: redis})
	slices := func() {
		for _, app := range world.Apps {
			app.Redis.Set(faultproxy.ToClient, faultproxy.Faults{Slice: 1, SlicePause: time.Millisecond})
		}
	}
	fault{world: world, breakIt: slices, mend: world.Healed}.run(t)
}

// Every connection is cut in the middle of a reply, again and again.
func TestRedisCutMidReply(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	world := chaos.New(t, chaos.Config{Redis: redis})
	cut := func() {
		for _, app := range world.Apps {
			app.Redis.Set(faultproxy.ToClient, faultproxy.Faults{CutAfter: 701})
		}
	}
	fault{world: world, breakIt: cut, mend: world.Healed}.run(t)
}

// A server without memory takes no new values; what it has can be purged.
func TestRedisOutOfMemory(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{Config: []string{"maxmemory-policy noeviction"}})
	full := func() { do(t, redis, "CONFIG", "SET", "maxmemory", "1") }
	free := func() { do(t, redis, "CONFIG", "SET", "maxmemory", "0") }
	fault{world: chaos.New(t, chaos.Config{Redis: redis}), breakIt: full, mend: free}.run(t)
}

// A server that was made a replica refuses writes.
func TestRedisReadOnly(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	nobody := testenv.RefusedAddr(t)
	demote := func() { do(t, redis, "REPLICAOF", "127.0.0.1", nobody[len("127.0.0.1:"):]) }
	promote := func() { do(t, redis, "REPLICAOF", "NO", "ONE") }
	fault{world: chaos.New(t, chaos.Config{Redis: redis}), breakIt: demote, mend: promote}.run(t)
}
