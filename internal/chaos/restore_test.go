package chaos_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/chaos"
	"github.com/echoic-go/echoic/internal/testenv"
)

// Everything is healthy when the purges, the deletions and the logouts are
// acknowledged. Then Redis dies, and comes back with what it had before them.
// Nothing of that may be seen.
func TestOldDumpUndoesNothing(t *testing.T) {
	redisDies := func(_ *chaos.World, redis *testenv.RedisServer) {
		redis.Kill()
		redis.Restart()
	}
	appsDieToo := func(w *chaos.World, redis *testenv.RedisServer) {
		for _, app := range w.Apps {
			app.Kill()
		}
		redis.Kill()
		redis.Restart()
		for _, app := range w.Apps {
			app.Start()
		}
	}
	oneAppDiesToo := func(w *chaos.World, redis *testenv.RedisServer) {
		w.Apps[0].Kill()
		redis.Kill()
		redis.Restart()
		w.Apps[0].Start()
	}
	for name, crash := range map[string]func(*chaos.World, *testenv.RedisServer){
		"the apps go on": redisDies, "all apps die too": appsDieToo, "one app dies too": oneAppDiesToo,
	} {
		t.Run(name, func(t *testing.T) {
			redis := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true})
			// Two apps agree within a few milliseconds; by the time that Redis
			// is back, all of this is over.
			world := chaos.New(t, chaos.Config{Redis: redis, Keys: 12, Bound: 200 * time.Millisecond})
			changeAfterDump(t, world, redis)
			crash(world, redis)
			if n := do(t, redis, "DBSIZE"); n == int64(0) {
				t.Fatal("Redis came back empty: the test shows nothing")
			}
			// From the first moment on, and also when all is back to normal.
			readAll(t, world)
			world.AwaitRecovery()
			readAll(t, world)
			world.KnockAll()
			noViolations(t, world)
		})
	}
}

// changeAfterDump makes rows, values and sessions, has Redis save them, and then
// changes them all.
func changeAfterDump(t *testing.T, world *chaos.World, redis *testenv.RedisServer) {
	t.Helper()
	var visitors []*chaos.Visitor
	world.Warm()
	for n := range 12 {
		app, key := world.Apps[n%len(world.Apps)], fmt.Sprintf("k%d", n)
		v := world.Visitor(fmt.Sprintf("u%d", n))
		visitors = append(visitors, v)
		again(t, func() chaos.Result { return world.Set(app, key, 1) })
		again(t, func() chaos.Result { return v.Login(app) })
	}
	do(t, redis, "SAVE")
	for n := range 12 {
		app, key := world.Apps[n/2%len(world.Apps)], fmt.Sprintf("k%d", n)
		again(t, func() chaos.Result { return world.Edit(app, key, []string{"purge", "tx"}[n%2]) })
		again(t, func() chaos.Result {
			if n%2 == 0 {
				return world.Set(app, key, 2)
			}
			return world.Delete(app, key, 2)
		})
		ok(t, visitors[n].Logout(app))
		if n%3 == 0 { // some are made anew before the crash
			ok(t, world.Page(app, key))
		}
	}
}

// again repeats a change until it is acknowledged: on a busy machine an app may
// find that its store takes too long.
func again(t *testing.T, change func() chaos.Result) {
	t.Helper()
	testenv.Eventually(t, 20*time.Second, func() bool { return change().Outcome == chaos.OK }, "a change is acknowledged")
}

// ok ends the test unless all results are good.
func ok(t *testing.T, results ...chaos.Result) {
	t.Helper()
	for _, r := range results {
		if r.Outcome != chaos.OK {
			t.Fatalf("%s: %v: %s", r.Class, r.Outcome, r.Detail)
		}
	}
}

// readAll asks every app for everything. The oracle looks at the answers.
func readAll(t *testing.T, world *chaos.World) {
	t.Helper()
	for _, app := range world.Apps {
		for n := range 12 {
			key := fmt.Sprintf("k%d", n)
			ok(t, world.Page(app, key), world.Live(app, key))
			if r := world.Value(app, key); r.Outcome != chaos.OK && r.Outcome != chaos.Miss {
				t.Errorf("value: %v: %s", r.Outcome, r.Detail)
			}
		}
	}
}

func noViolations(t *testing.T, world *chaos.World) {
	t.Helper()
	if count, first := world.Oracle.Violations(); count > 0 {
		t.Errorf("%d answers were wrong: %q", count, first)
	}
}

// A server that loads its data answers LOADING for a while, and then has an old
// dump.
func TestRedisLoading(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{InMemory: true, Config: []string{
		"key-load-delay 700", "loading-process-events-interval-bytes 1024",
	}})
	const fill = `for i = 1, 2000 do redis.call("SET", "filler:" .. i, i) end`
	do(t, redis, "EVAL", fill, 0)
	world := chaos.New(t, chaos.Config{Redis: redis})
	restart := func() {
		do(t, redis, "SAVE")
		redis.Kill()
		redis.Restart() // returns when it has loaded
	}
	fault{world: world, breakIt: restart, mend: func() {}}.run(t)
}
