package testenv_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/testenv"
)

// What sleeps waits for no processor, and is measured.
func TestStopwatchMeasures(t *testing.T) {
	testenv.Eventually(t, time.Minute, func() bool { // a busy machine takes something away from most
		const nap = 20 * time.Millisecond
		watch := testenv.NewStopwatch()
		<-time.After(nap)
		took := watch.Took()
		return took >= nap/2 && took < time.Second
	}, "a nap is measured")
}

// A thread that waits for a processor, here because there are more threads than
// processors, does not make anything take longer.
func TestStopwatchLeavesOutWaiting(t *testing.T) {
	if runtime.GOOS != "linux" {
		testenv.Skip(t, "only Linux tells how long threads wait")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4 * runtime.NumCPU()))
	watch := testenv.NewStopwatch()
	begin := time.Now()
	var work sync.WaitGroup
	for range 4 * runtime.NumCPU() {
		work.Go(func() {
			for time.Since(begin) < 200*time.Millisecond {
			}
		})
	}
	work.Wait()
	took, passed := watch.Took(), time.Since(begin)
	if took > passed/2 {
		t.Errorf("%v of %v count, with four threads a processor", took, passed)
	}
}
