package testenv_test

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
)

func TestFreeAddr(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", testenv.FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestEventually(t *testing.T) {
	t.Parallel()
	var done atomic.Bool
	time.AfterFunc(20*time.Millisecond, func() { done.Store(true) })
	testenv.Eventually(t, time.Minute, done.Load, "the timer fires")
}

func TestEventuallyGivesUp(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("Eventually went on after its deadline")
		}
	}()
	testenv.Eventually(giveUp{t}, time.Millisecond, func() bool { return false }, "never")
}

// giveUp turns Fatalf into a panic that the test can see.
type giveUp struct{ testing.TB }

func (g giveUp) Fatalf(format string, _ ...any) { panic(format) }
