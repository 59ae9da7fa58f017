package testenv

import (
	"fmt"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv/server"
)

// eventuallyInterval is how often Eventually asks.
const eventuallyInterval = 5 * time.Millisecond

// withinPatience is how much longer than its bound Within waits.
const withinPatience = 30 * time.Second

// FreeAddr returns a loopback address ("127.0.0.1:port") on which nothing
// listens. It is not reserved; one process never gets the same one twice.
func FreeAddr(t testing.TB) string {
	t.Helper()
	addr, err := server.FreeAddr()
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	return addr
}

// Eventually returns when condition is true, which it asks every few
// milliseconds, at least twice: at once and when the deadline is over. If it
// is still false then, the test ends with the message.
//
// It is for what happens outside of the test's control (another process, a
// background goroutine); what the test can be told by a channel it is told by
// a channel, and code that only waits for a clock is tested with
// testing/synctest.
func Eventually(t testing.TB, deadline time.Duration, condition func() bool, message string, args ...any) {
	t.Helper()
	timeout := time.NewTimer(deadline)
	defer timeout.Stop()
	tick := time.NewTicker(eventuallyInterval)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-timeout.C:
			if condition() {
				return
			}
			t.Fatalf("not within %v: %s", deadline, fmt.Sprintf(message, args...))
		}
	}
}

// Within is Eventually for what is promised within bound: it waits for longer, and
// fails the test if condition was true later than that by a Stopwatch, which a busy
// machine does not advance.
func Within(t testing.TB, bound time.Duration, condition func() bool, message string, args ...any) {
	t.Helper()
	watch := NewStopwatch()
	Eventually(t, bound+withinPatience, condition, message, args...)
	if took := watch.Took(); took > bound {
		t.Errorf("after %v, and not within %v: %s", took, bound, fmt.Sprintf(message, args...))
	}
}
