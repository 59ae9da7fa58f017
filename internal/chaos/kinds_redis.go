package chaos

import (
	"slices"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/echoic-go/echoic/internal/testenv"
)

func redisKinds() map[string]kind {
	plain := func(about string, make func(*Env, *params) injection) kind { return kind{about: about, make: make} }
	silent := func(about string, make func(*Env, *params) injection) kind {
		return kind{about: about, mayFail: sessionClasses(), make: make}
	}
	all := map[string]kind{
		"redis.kill": plain("Redis is killed and comes back with what it had", func(e *Env, _ *params) injection { return injection{e.Redis.Kill, e.Redis.Restart} }),
		"redis.stop": silent("Redis is stopped (SIGSTOP)", func(e *Env, _ *params) injection { return injection{e.Redis.Stop, e.Redis.Cont} }),
		"redis.oom": plain("Redis has no memory", func(e *Env, _ *params) injection {
			return injection{func() { e.redis("CONFIG", "SET", "maxmemory", "1") }, func() { e.redis("CONFIG", "SET", "maxmemory", "0") }}
		}),
		"redis.readonly": plain("Redis was made a replica", func(e *Env, _ *params) injection {
			_, port, _ := strings.Cut(testenv.RefusedAddr(e.t), ":")
			return injection{func() { e.redis("REPLICAOF", "127.0.0.1", port) }, func() { e.redis("REPLICAOF", "NO", "ONE") }}
		}),
		// (ALL would keep the command waiting that ends it.)
		"redis.pause": silent("Redis keeps writes waiting (CLIENT PAUSE)", func(e *Env, _ *params) injection {
			return injection{func() { e.redis("CLIENT", "PAUSE", 600_000, "WRITE") }, func() { e.redis("CLIENT", "UNPAUSE") }}
		}),
	}
	empty := all["redis.kill"]
	empty.about, empty.redis = "Redis is killed and comes back empty", func(c *testenv.RedisConfig) { c.InMemory = true }
	all["redis.empty"] = empty
	all["redis.olddump"] = kind{
		about: "Redis dies and comes back with what it had before the changes", redis: empty.redis,
		make: func(e *Env, _ *params) injection {
			return injection{func() { e.redis("SAVE") }, func() { e.Redis.Kill(); e.Redis.Restart() }}
		},
	}
	all["redis.loading"] = kind{
		about: "Redis restarts and answers LOADING for a while", mayFail: sessionClasses(),
		redis: func(c *testenv.RedisConfig) {
			c.InMemory = true
			c.Config = append(c.Config, "key-load-delay 700", "loading-process-events-interval-bytes 1024")
		},
		make: func(e *Env, _ *params) injection {
			return injection{func() {
				e.redis("EVAL", `for i = 1, 2000 do redis.call("SET", "filler:" .. i, i) end`, 0)
				e.redis("SAVE")
				e.Redis.Kill()
				e.Redis.Restart() // returns when it has loaded
			}, func() {}}
		},
	}
	all["redis.tracking"] = kind{
		about: "the connections on which servers hear of changes are killed", params: []string{"every"},
		try: func(p *params) { p.duration("every", 0) },
		make: func(e *Env, p *params) injection {
			return e.counted(p.duration("every", 300*time.Millisecond), e.killTracking)
		},
	}
	all["redis.overrun"] = kind{
		about: "more changes than those connections hold", params: []string{"every"},
		try: func(p *params) { p.duration("every", 0) },
		make: func(e *Env, p *params) injection {
			return e.counted(p.duration("every", 300*time.Millisecond), e.overrun)
		},
	}
	return all
}

// counted repeats what says how many it hit, and fails the test if that was
// nobody.
func (e *Env) counted(every time.Duration, do func() int) injection {
	hit := 0
	again := repeat(every, func() { hit += do() })
	return injection{again.begin, func() {
		again.end()
		if hit == 0 {
			e.t.Error("chaos: no connection was hit: nothing was tested")
		}
		e.t.Logf("%d connections were ended", hit)
	}}
}

// killTracking kills the connections of clients that track keys.
func (e *Env) killTracking() (killed int) {
	for _, id := range e.tracking() {
		// It may have gone by itself meanwhile.
		if n, err := redis.Int(e.Redis.Do("CLIENT", "KILL", "ID", id)); err == nil {
			killed += n
		}
	}
	return killed
}

// tracking returns the ids of clients that track keys.
func (e *Env) tracking() (ids []string) {
	list, _ := redis.String(e.Redis.Do("CLIENT", "LIST"))
	for line := range strings.Lines(list) {
		fields := map[string]string{}
		for field := range strings.FieldsSeq(line) {
			name, value, _ := strings.Cut(field, "=")
			fields[name] = value
		}
		if strings.ContainsAny(fields["flags"], "tB") { // tracking, broadcast
			ids = append(ids, fields["id"])
		}
	}
	return ids
}

// overrunKeys are so many that their names do not fit into overrunBytes.
const (
	overrunKeys  = 20_000
	overrunBytes = "262144"
)

// overrun changes so many keys at once that Redis ends the connections that are
// to hear of it: one message names them all.
func (e *Env) overrun() int {
	e.redis("CONFIG", "SET", "client-output-buffer-limit", "normal "+overrunBytes+" 0 0 pubsub "+overrunBytes+" 0 0")
	before := e.tracking()
	e.redis("EVAL", `for i = 1, ARGV[1] do redis.call("SET", KEYS[1] .. i, "", "PX", 500) end`, 1, e.Redis.Prefix+":t:overrun", overrunKeys)
	after := e.tracking()
	return len(slices.DeleteFunc(before, func(id string) bool { return slices.Contains(after, id) }))
}
