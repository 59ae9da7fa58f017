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

// sessionClasses are what sessions in Redis need Redis for: without it they
// fail closed.
var sessionClasses = []string{"me", "login", "logout"}

// fault is something that breaks and is mended again, under load.
type fault struct {
	world *chaos.World
	// breakIt and mend do that.
	breakIt, mend func()
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
	report.MayFail(sessionClasses...).Require(t)
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
