package chaos_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/echoic-go/echoic/internal/chaos"
)

const (
	// shortSoak is that of the tests; make soak has half an hour.
	shortSoak = 8 * time.Second
	// soakEvery is the time between two faults, if the soak is long enough.
	soakEvery = time.Minute
)

// TestSoak keeps a load up through faults, and looks whether anything grows.
func TestSoak(t *testing.T) {
	duration := *durationFlag
	if duration == 0 {
		duration = shortSoak
	}
	seed(t)
	result := chaos.Soak(t, chaos.SoakOptions{Duration: duration, Every: min(soakEvery, duration/2), Rate: rate()})
	result.Command, result.Passed = command("soak"), !t.Failed()
	writeRun(t, result)
	fmt.Fprint(os.Stderr, result.Table())
}
