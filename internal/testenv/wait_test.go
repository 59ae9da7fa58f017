package testenv_test

import (
	"fmt"
	"net"
	"strings"
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

func TestWithin(t *testing.T) {
	t.Parallel()
	var log recording
	testenv.Within(&log, time.Minute, func() bool { return true }, "it is so")
	if log.text != "" {
		t.Errorf("what is so at once: %q", log.text)
	}
	testenv.Eventually(t, time.Minute, func() bool { // a busy machine may hide that something is late
		begin := time.Now()
		testenv.Within(&log, 20*time.Millisecond, func() bool { return time.Since(begin) > 200*time.Millisecond }, "it is %s", "late")
		return strings.Contains(log.text, "not within 20ms: it is late")
	}, "what is late is reported")
}

// recording keeps what Errorf says.
type recording struct {
	testing.TB
	text string
}

func (r *recording) Helper() {}

func (r *recording) Errorf(format string, args ...any) { r.text = fmt.Sprintf(format, args...) }
