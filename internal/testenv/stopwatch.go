package testenv

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Stopwatch measures how long something takes, without the time for which this
// process and its children, the servers, had work and waited for a processor: for
// tests of how long a call may take, on machines that do other things as well. On a
// machine that is not busy that is next to nothing. Only Linux tells it (schedstat);
// elsewhere, and for backends of Postgres, it counts as time taken.
type Stopwatch struct {
	begun  time.Time
	waited map[string]time.Duration
}

// NewStopwatch begins to measure.
func NewStopwatch() Stopwatch {
	waited := waitedForProcessors()
	return Stopwatch{begun: time.Now(), waited: waited}
}

// Took returns the time since NewStopwatch, never less than zero. It may be called
// more than once.
func (s Stopwatch) Took() time.Duration {
	took := time.Since(s.begun)
	for thread, total := range waitedForProcessors() {
		took -= max(0, total-s.waited[thread]) // a new thread has waited since
	}
	return max(0, took)
}

// waitedForProcessors is the time that each thread of this process and of its
// children has ever spent on a run queue.
func waitedForProcessors() map[string]time.Duration {
	waited := map[string]time.Duration{}
	own, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		return waited
	}
	threads := own
	for _, thread := range own {
		pids, _ := os.ReadFile(filepath.Join(thread, "children")) // it may have ended
		for pid := range strings.FieldsSeq(string(pids)) {
			of, _ := filepath.Glob("/proc/" + pid + "/task/*")
			threads = append(threads, of...)
		}
	}
	for _, thread := range threads {
		text, _ := os.ReadFile(filepath.Join(thread, "schedstat"))
		// Nanoseconds on a processor, nanoseconds waiting for one, time slices.
		if fields := bytes.Fields(text); len(fields) == 3 {
			if n, err := strconv.ParseInt(string(fields[1]), 10, 64); err == nil {
				waited[thread] = time.Duration(n)
			}
		}
	}
	return waited
}
