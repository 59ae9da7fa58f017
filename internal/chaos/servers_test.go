package chaos_test

import (
	"strings"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/chaos"
	"github.com/echoic-go/echoic/internal/faultproxy"
	"github.com/echoic-go/echoic/internal/testenv"
)

// One server loses Redis and the other does not: what either of them
// acknowledges is seen by both within the bound.
func TestPartitionOfOneServer(t *testing.T) {
	silences := map[string]func(*faultproxy.Proxy){
		"both ways": (*faultproxy.Proxy).Partition,
		"half open": func(p *faultproxy.Proxy) { p.Set(faultproxy.ToClient, faultproxy.Faults{Blackhole: true}) },
	}
	for name, silence := range silences {
		t.Run(name, func(t *testing.T) {
			redis := testenv.NewRedis(t, testenv.RedisConfig{})
			world := chaos.New(t, chaos.Config{Redis: redis})
			fault{
				world: world, breakIt: func() { silence(world.Apps[0].Redis) }, mend: world.Healed,
			}.run(t)
		})
	}
}

// The connections on which servers hear of changes by others are killed again
// and again.
func TestTrackingConnectionKilled(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	world := chaos.New(t, chaos.Config{Redis: redis})
	world.Warm()
	world.AtRest()
	load := world.Load(0)
	load.Run(before)
	load.Fault("killed")
	killed := 0
	for range 6 {
		load.Run(300 * time.Millisecond)
		killed += killTracking(t, redis)
	}
	load.Phase("after")
	world.AwaitRecovery()
	load.Run(after)
	load.Stop().Tight().MayFailSeldom(sessionClasses...).Require(t)
	world.RequireRest()
	if killed == 0 {
		t.Error("no server tracks keys: nothing was tested")
	}
}

// killTracking kills the connections of clients that track keys, and returns how
// many there were.
func killTracking(t *testing.T, redis *testenv.RedisServer) (killed int) {
	t.Helper()
	list, _ := do(t, redis, "CLIENT", "LIST").([]byte)
	for line := range strings.Lines(string(list)) {
		fields := map[string]string{}
		for field := range strings.FieldsSeq(line) {
			name, value, _ := strings.Cut(field, "=")
			fields[name] = value
		}
		if !strings.ContainsAny(fields["flags"], "tB") { // tracking, broadcast
			continue
		}
		// It may have gone by itself meanwhile.
		if n := do(t, redis, "CLIENT", "KILL", "ID", fields["id"]); n == int64(1) {
			killed++
		}
	}
	return killed
}

// The process dies after the transaction with the edit and its purge has been
// committed, before it can do anything else.
func TestAppKilledAfterCommit(t *testing.T) {
	redis := testenv.NewRedis(t, testenv.RedisConfig{})
	world := chaos.New(t, chaos.Config{Redis: redis, Bound: time.Second})
	world.Warm()
	crashed, other := world.Apps[0], world.Apps[1]
	for n, key := range []string{"k0", "k1", "k2", "k3"} {
		alone := n%2 == 1 // nobody else is there to notice
		version := world.Row(key)
		if r := world.Edit(crashed, key, "crash"); r.Outcome == chaos.OK {
			t.Fatal("the app survived its death")
		}
		crashed.Died()
		if world.Row(key) != version+1 {
			t.Fatal("the edit was not committed")
		}
		if alone {
			other.Kill()
			other.Start()
		}
		crashed.Start()
		// From the restart on there is a second.
		world.Oracle.Rows.Acknowledge(key, version+1, "", time.Second)
		begun := time.Now()
		for time.Since(begun) < 1200*time.Millisecond {
			ok(t, world.Page(crashed, key), world.Page(other, key), world.Live(crashed, key), world.Live(other, key))
		}
	}
	t.Logf("stalest answer: %v after the restart", world.Oracle.Rows.Stalest())
	noViolations(t, world)
}
