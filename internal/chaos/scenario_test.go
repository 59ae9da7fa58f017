package chaos_test

import (
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/chaos"
	"github.com/echoic-go/echoic/internal/testenv"
)

// The lengths of the parts of a test.
const (
	before = 600 * time.Millisecond
	during = 1200 * time.Millisecond
	after  = 600 * time.Millisecond
)

// sessionClasses are the requests that need the store of sessions. It has a
// database behind Redis, and so none of them may fail because Redis does.
var sessionClasses = []string{"me", "login", "logout"}

// fault is something that breaks and is mended again, under load.
type fault struct {
	world *chaos.World
	// breakIt and mend do that.
	breakIt, mend func()
	// moves says that Redis is several servers that change their roles: until all
	// agree who is the primary, each session that is read there in vain has little
	// time left for the database, again and again, and may be answered with 503.
	moves bool
}

// run runs the load through the fault and requires that nothing went wrong.
func (f fault) run(t *testing.T) {
	t.Helper()
	f.world.Warm()
	f.world.AtRest()
	load := f.world.Load(0)
	load.Run(before)
	load.Fault("fault")
	f.breakIt()
	load.Run(during)
	f.mend()
	f.world.AwaitRecovery()
	load.Phase("after")
	load.Run(after)
	report := load.Stop()
	f.world.KnockAll()
	if f.moves {
		report.MayFail(sessionClasses...)
	} else {
		report.Tight()
	}
	report.MayFailSeldom(sessionClasses...).Require(t)
	f.world.RequireRest()
}

// do sends a command to a server and ends the test if it fails.
func do(t *testing.T, server *testenv.RedisServer, command string, args ...any) any {
	t.Helper()
	reply, err := server.Do(command, args...)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return reply
}
